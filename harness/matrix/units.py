"""Cut cells into units of work for many workers: the cells of one image, or a part of them. Pure.

Each unit obtains its image and starts its interpreter, so a unit is cut only if a worker would
otherwise have much more to do than the others.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness.core.cells import Cell
from harness.matrix.shards import START, UNKNOWN

SPREAD = 4
"""Units that each worker gets on average, if there is enough to do: the last ones end together."""
LEAST = 6 * START
"""Seconds of a unit below which it is not cut: its start would cost a large share."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WorkUnit:
    """Cells of one target that are run one after the other."""

    name: str
    """The target's key; with a number if its cells are several units."""
    cells: tuple[Cell, ...]
    seconds: float
    """Expected duration without the start."""


def cut_units(
    cells: Sequence[Cell], workers: int, durations: Mapping[str, float]
) -> tuple[WorkUnit, ...]:
    """Return units of the cells for that many workers, the longest first.

    ``durations``: known seconds by cell id.
    """
    usual = median(durations.values()) if durations else UNKNOWN
    seconds = {cell.id: durations.get(cell.id, usual) for cell in cells}
    most = max(sum(seconds.values()) / (max(workers, 1) * SPREAD), LEAST)
    targets: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        targets[cell.target.key].append(cell)
    units = [unit for key, group in targets.items() for unit in _cut(key, group, seconds, most)]
    return tuple(sorted(units, key=lambda unit: -unit.seconds))


def _cut(
    key: str, cells: Sequence[Cell], seconds: Mapping[str, float], most: float
) -> list[WorkUnit]:
    whole = sum(seconds[cell.id] for cell in cells)
    share = whole / -(-whole // most) if whole > most else whole
    parts: list[list[Cell]] = [[]]
    spent = 0.0
    for cell in cells:
        if parts[-1] and spent + seconds[cell.id] / 2 > share * len(parts):
            parts.append([])
        parts[-1].append(cell)
        spent += seconds[cell.id]
    return [
        WorkUnit(
            name=key if len(parts) == 1 else f"{key}#{number}",
            cells=tuple(part),
            seconds=sum(seconds[cell.id] for cell in part),
        )
        for number, part in enumerate(parts, 1)
    ]
