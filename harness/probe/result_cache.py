"""Results by key (``result_keys``): those of a store and those of this prober."""

from typing import Protocol

from harness.core.cells import Outcome
from harness.core.observations import Observation
from harness.core.passport import Passport
from harness.core.targets import Target


class EarlierResults(Protocol):
    """Stored results by key."""

    def passport(self, environment: str) -> Passport | None:
        """Return the passport that was measured in that environment."""

    def observation(self, key: str) -> Observation | None:
        """Return the observation with that key, if all with that key agree."""


class NoEarlierResults:
    """Reuses nothing."""

    def passport(self, environment: str) -> Passport | None:  # noqa: ARG002
        return None

    def observation(self, key: str) -> Observation | None:  # noqa: ARG002
        return None


class ResultCache:
    """The results of this prober, and the earlier ones.

    Targets with the same image share results. A cell that is repeated on its target is measured
    again.
    """

    def __init__(self, earlier: EarlierResults) -> None:
        self._earlier = earlier
        self._passports: dict[str, Passport] = {}
        self._observations: dict[str, tuple[str, Observation]] = {}

    def passport(self, environment: str) -> Passport | None:
        return self._passports.get(environment) or self._earlier.passport(environment)

    def observation(self, key: str) -> Observation | None:
        """Return the earlier observation with that key."""
        return self._earlier.observation(key)

    def elsewhere(self, key: str, target: Target) -> Observation | None:
        """Return this prober's observation with that key on another target."""
        where, known = self._observations.get(key, (target.key, None))
        return known if where != target.key else None

    def keep_passport(self, environment: str, passport: Passport) -> None:
        self._passports[environment] = passport

    def keep_observation(self, observation: Observation, target: Target) -> None:
        """Keep an observation on ``target`` unless it is a miss."""
        if observation.key and observation.outcome is not Outcome.MISS:
            self._observations[observation.key] = (target.key, observation)
