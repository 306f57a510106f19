"""Predict one wheel file on one target; a ``Survey`` measures the target's libraries."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.observations import ImageRef, Prediction
from harness.core.passport import Passport, Symbols
from harness.core.subjects import WheelRef
from harness.core.targets import Target
from harness.core.wheel_findings import WheelFinding
from harness.predict import predict
from harness.predict.dependency_rules import predict_dependencies
from harness.predict.undeclared_rules import predict_undeclared
from harness.wheels.facts_reader import IN_MEMORY, MOST_DEPENDENCY, WheelReader

_IMPORTED = frozenset({Outcome.PASS, Outcome.LOAD_FAILED, Outcome.START_FAILED})
"""What is predicted of a wheel whose own modules import."""


class Survey(Protocol):
    """Measures what the loader of a target's image finds (``harness.passports``)."""

    def complete(self, passport: Passport, target: Target, image: ImageRef) -> Passport:
        """Return ``passport`` with the loader, its libraries and the interpreter's exports."""

    def symbols(self, set_id: str) -> frozenset[str]:
        """Return the symbol set of that id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """The dependencies of a wheel that predictions read."""

    wheels: tuple[WheelRef, ...] = ()
    closed: bool = False
    """Whether they are all that is installed beside it."""


NOTHING_BESIDE = Beside()


def beside_of(wheels: Sequence[WheelRef], *, resolved: bool) -> Beside:
    """Return those of the wheels beside one that are dependencies and not too large."""
    read = tuple(each for each in wheels if resolved and each.size <= MOST_DEPENDENCY)
    return Beside(wheels=read, closed=resolved and len(read) == len(wheels))


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
    beside: Beside = NOTHING_BESIDE,
) -> Prediction | None:
    """Predict a wheel file; None if it is no wheel or could not be read.

    A wheel beside it that does not import fails it.
    """
    facts = reader.facts(wheel)
    if facts is None or facts.unread:
        return None
    predicted = predict(facts, passport, symbols, imports=imports)
    if predicted.outcome not in _IMPORTED and predicted.cause != Cause.MISSING_LIBRARY:
        return predicted
    read = [reader.facts(each) for each in beside.wheels]
    known = [found for found in read if found]
    if predicted.outcome not in _IMPORTED:
        libraries = frozenset(PurePosixPath(n.name).name for found in known for n in found.native)
        predicted = predict(facts, passport, symbols, imports=imports, beside=libraries)
    if predicted.outcome not in _IMPORTED:
        return predicted
    undeclared = None
    if beside.closed and all(found and not found.unread for found in read):
        undeclared = predict_undeclared(facts, imports, known, passport)
    failed = undeclared or predict_dependencies(facts, imports, known, passport, symbols)
    return failed or predicted


def findings_of(wheel: WheelRef, reader: WheelReader = IN_MEMORY) -> tuple[WheelFinding, ...]:
    """Return the defects of a wheel file."""
    facts = reader.facts(wheel)
    return facts.findings if facts else ()
