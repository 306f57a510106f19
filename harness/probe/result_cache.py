"""What need not be measured again: the seam through which a prober remembers.

In: keys, which stand for all that decides a result. Out: what was measured under the same key,
or nothing. ``harness.store.reuse`` is the one that remembers.
"""

import json
from collections.abc import Sequence
from typing import Protocol

from harness.core.cells import Outcome
from harness.core.observations import ImageRef, Observation
from harness.core.passport import Passport
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.host.cache import content_key


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
    """What one prober measured itself, before what is remembered from earlier.

    Two targets may have one image (a distribution's next release with nothing changed that a
    wheel meets): what the one showed need not be measured for the other. A cell that is asked
    for again on its own target is measured again.
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

    def twin(self, key: str, target: Target) -> Observation | None:
        """Return what this prober saw under that key on another target than ``target``."""
        where, known = self._observations.get(key, (target.key, None))
        return known if where != target.key else None

    def keep_passport(self, environment: str, passport: Passport) -> None:
        """Remember what an image said of itself."""
        self._passports[environment] = passport

    def keep_observation(self, observation: Observation, target: Target) -> None:
        """Remember what was seen of a cell on ``target``, unless nothing can be said of it."""
        if observation.key and observation.outcome is not Outcome.MISS:
            self._observations[observation.key] = (target.key, observation)


def environment_key(target: Target, image: ImageRef, *circumstances: str) -> str:
    """Return what stands for an interpreter in an image under ``circumstances``.

    Those are the agent, emulator and CPU; for a passport, engine and kernel too.
    """
    return content_key(image.id, target.interpreter, target.arch_name, *circumstances)


def result_key(
    environment: str, subject: Subject, wheels: Sequence[WheelRef], limits: str, page_size: int
) -> str:
    """Return what stands for all that decides a result: the wheels by their bytes and names."""
    files = [(wheel.filename, wheel.sha256) for wheel in wheels]
    proof = json.dumps([files, subject.imports, subject.call, page_size])
    return content_key(environment, proof, limits)
