"""Predictions for a laboratory: a wheel file and a passport in, a prediction out.

Every wheel is read once. What the loader of a target finds is measured by a ``Survey``.
"""

from functools import lru_cache
from pathlib import Path
from typing import Protocol

from harness.errors import WheelError
from harness.model import ImageRef, Prediction, Target, WheelRef
from harness.passport import Passport, Symbols
from harness.predict import predict
from harness.wheel.contents import WheelFacts, read_wheel

MOST_WHEELS = 256


class Survey(Protocol):
    """What the loader of a target's image finds (``harness.passports``)."""

    def complete(self, passport: Passport, target: Target, image: ImageRef) -> Passport:
        """Return ``passport`` with the loader, its libraries and the interpreter's exports."""

    def symbols(self, set_id: str) -> frozenset[str]:
        """Return the symbol set of that id."""


class NoSurvey:
    """A ``Survey`` that never looks: what needs libraries is not predicted."""

    def complete(self, passport: Passport, target: Target, image: ImageRef) -> Passport:  # noqa: ARG002
        return passport

    def symbols(self, set_id: str) -> frozenset[str]:  # noqa: ARG002 - there is none
        return frozenset()


def forecast(
    wheel: WheelRef, passport: Passport, symbols: Symbols, imports: tuple[str, ...]
) -> Prediction | None:
    """Predict a cell; None for a file that is no well-formed wheel."""
    facts = _facts(wheel.path, wheel.sha256)
    return predict(facts, passport, symbols, imports=imports) if facts else None


@lru_cache(maxsize=MOST_WHEELS)
def _facts(path: str, _: str) -> WheelFacts | None:
    try:
        return read_wheel(Path(path))
    except WheelError:
        return None
