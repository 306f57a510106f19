"""Predict one wheel file on one target; a ``Survey`` measures the target's libraries."""

from collections.abc import Sequence
from typing import Protocol

from harness.core.cells import Outcome
from harness.core.observations import ImageRef, Prediction
from harness.core.passport import Passport, Symbols
from harness.core.subjects import WheelRef
from harness.core.targets import Target
from harness.core.wheel_findings import WheelFinding
from harness.predict import predict
from harness.predict.dependency_rules import predict_dependencies
from harness.wheels.facts_reader import IN_MEMORY, WheelReader


class Survey(Protocol):
    """Measures what the loader of a target's image finds (``harness.passports``)."""

    def complete(self, passport: Passport, target: Target, image: ImageRef) -> Passport:
        """Return ``passport`` with the loader, its libraries and the interpreter's exports."""

    def symbols(self, set_id: str) -> frozenset[str]:
        """Return the symbol set of that id."""


class NoSurvey:
    """A ``Survey`` that measures nothing, so that rules about libraries predict nothing."""

    def complete(self, passport: Passport, target: Target, image: ImageRef) -> Passport:  # noqa: ARG002
        return passport

    def symbols(self, set_id: str) -> frozenset[str]:  # noqa: ARG002 - the protocol's
        return frozenset()


def predict_wheel(
    wheel: WheelRef,
    passport: Passport,
    symbols: Symbols,
    imports: tuple[str, ...],
    reader: WheelReader = IN_MEMORY,
    dependencies: Sequence[WheelRef] = (),
) -> Prediction | None:
    """Predict a wheel file; None if it is no wheel or could not be read.

    ``dependencies`` are the wheels that are installed beside it. One that does not import fails
    it.
    """
    facts = reader.facts(wheel)
    if facts is None or facts.unread:
        return None
    predicted = predict(facts, passport, symbols, imports=imports)
    if predicted.outcome is not Outcome.PASS:
        return predicted
    beside = [found for each in dependencies if (found := reader.facts(each))]
    return predict_dependencies(facts, imports, beside, passport, symbols) or predicted


def findings_of(wheel: WheelRef, reader: WheelReader = IN_MEMORY) -> tuple[WheelFinding, ...]:
    """Return the defects of a wheel file."""
    facts = reader.facts(wheel)
    return facts.findings if facts else ()
