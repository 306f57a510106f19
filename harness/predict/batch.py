"""Predict cells from recorded passports, without an engine."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.machines import recorded_on
from harness.core.observations import Prediction
from harness.core.passport import Passport
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.predict import CellPrediction
from harness.predict.cell import beside_of, findings_of, predict_wheel
from harness.wheels.facts_reader import IN_MEMORY, WheelReader
from harness.wheels.provider import Refusal

_REFUSED = {
    Cause.TAG_REFUSED: "The installer accepts no wheel of the release",
    Cause.DEPENDENCY_REFUSED: "The installer gets no wheel of a dependency",
}


class Passports(Protocol):
    """Recorded passports and their symbol sets."""

    def recorded(self, target_key: str) -> Passport | None:
        """Return the passport of that target, or None if none was recorded."""

    def symbols(self, set_id: str) -> frozenset[str]:
        """Return the symbol set of that id."""


class PredictedWheels(Protocol):
    """Provides wheels (``harness.wheels.provider.WheelProvider``)."""

    def wheels_for(
        self, subject: Subject, target: Target, passport: Passport
    ) -> tuple[WheelRef, ...] | Refusal: ...


def predict_cells(
    subjects: Iterable[Subject],
    targets: Sequence[Target],
    passports: Passports,
    wheels: PredictedWheels,
    reader: WheelReader = IN_MEMORY,
) -> Iterator[CellPrediction]:
    """Predict every subject on every target. Raises what ``wheels`` raises."""
    for subject in subjects:
        for target in targets:
            yield predict_cell(Cell(target=target, subject=subject), passports, wheels, reader)


def predict_cell(
    cell: Cell, passports: Passports, wheels: PredictedWheels, reader: WheelReader = IN_MEMORY
) -> CellPrediction:
    """Predict one cell. Raises what ``wheels`` raises."""
    passport = recorded_on(passports, cell.target)
    if passport is None:
        return CellPrediction(cell=cell, wheel="", prediction=None)
    found = wheels.wheels_for(cell.subject, cell.target, passport)
    if isinstance(found, Refusal):
        refused = Prediction(
            outcome=Outcome.REFUSED,
            stage=Stage.WHEEL,
            cause=found.cause,
            evidence=found.reason,
            explanation=f"{_REFUSED[found.cause]}: {found.reason}.",
        )
        return CellPrediction(cell=cell, wheel="", prediction=refused)
    *beside, wheel = found
    around = beside_of(beside, resolved=cell.subject.dependencies is not None)
    return CellPrediction(
        cell=cell,
        wheel=wheel.filename,
        prediction=predict_wheel(
            wheel, passport, passports.symbols, cell.subject.imports, reader, around
        ),
        findings=findings_of(wheel, reader),
    )
