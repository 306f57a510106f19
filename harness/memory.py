"""What need not be measured again: the seam through which a laboratory remembers.

In: keys, which stand for all that decides a result. Out: what was measured under the same key,
or nothing. ``harness.store.memory`` is the one that remembers.
"""

import json
from collections.abc import Sequence
from typing import Protocol

from harness.cache import content_key
from harness.model import ImageRef, Observation, Subject, Target, WheelRef
from harness.passport import Passport


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
