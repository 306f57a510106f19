"""A prediction with its cell and its wheel."""

from dataclasses import dataclass

from harness.core.cells import Cell
from harness.core.observations import Prediction
from harness.core.wheel_findings import WheelFinding


@dataclass(frozen=True, kw_only=True, slots=True)
class CellPrediction:
    """The prediction of one cell."""

    cell: Cell
    wheel: str
    """File name; empty if the target has no wheel."""
    prediction: Prediction | None
    """None if the target has no passport, or the file is no wheel."""
    findings: tuple[WheelFinding, ...] = ()
    """The wheel's defects."""
