"""A prediction in its place: the cell and the wheel that it is of."""

from dataclasses import dataclass

from harness.core.cells import Cell
from harness.core.observations import Prediction


@dataclass(frozen=True, kw_only=True, slots=True)
class CellPrediction:
    """What is to be expected of one cell."""

    cell: Cell
    wheel: str
    """File name; empty where there is none for the target."""
    prediction: Prediction | None
    """None where no passport was recorded of the target, or the wheel cannot be read."""
