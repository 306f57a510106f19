"""Earlier results by key (``result_keys``): those of a store, and those of this prober."""

from typing import Protocol

from harness.core.cells import Outcome
from harness.core.observations import Observation
from harness.core.passport import Passport
from harness.core.targets import Target


class Memory(Protocol):
    """Earlier measurements by key."""

    def passport(self, environment: str) -> Passport | None:
        """Return what the image said of itself in that environment."""

    def observation(self, key: str) -> Observation | None:
        """Return what was seen under that key, where the same was seen each time."""


class NoMemory:
    """Everything is measured afresh."""

    def passport(self, environment: str) -> Passport | None:  # noqa: ARG002
        return None

    def observation(self, key: str) -> Observation | None:  # noqa: ARG002
        return None


class Recent:
    """What this prober measured, and behind it the earlier results.

    Two targets may have one image: what was measured on one holds for the other. A cell that is
    asked for again on its own target is measured again.
    """

    def __init__(self, earlier: Memory) -> None:
        self._earlier = earlier
        self._passports: dict[str, Passport] = {}
        self._observations: dict[str, tuple[str, Observation]] = {}

    def passport(self, environment: str) -> Passport | None:
        """Return what an image with that environment said of itself."""
        return self._passports.get(environment) or self._earlier.passport(environment)

    def observation(self, key: str) -> Observation | None:
        """Return what was seen under that key earlier."""
        return self._earlier.observation(key)

    def elsewhere(self, key: str, target: Target) -> Observation | None:
        """Return what this prober measured under that key on another target than ``target``."""
        where, known = self._observations.get(key, (target.key, None))
        return known if where != target.key else None

    def keep_passport(self, environment: str, passport: Passport) -> None:
        """Remember what an image said of itself."""
        self._passports[environment] = passport

    def keep_observation(self, observation: Observation, target: Target) -> None:
        """Remember what was seen of a cell on ``target``, unless nothing can be said of it."""
        if observation.key and observation.outcome is not Outcome.MISS:
            self._observations[observation.key] = (target.key, observation)
