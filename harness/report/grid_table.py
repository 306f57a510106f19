"""Lay out a grid as a table of an HTML page, for readers without a script. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.report.axes import Axis, AxisItem, Group, subject_axis, target_axis
from harness.report.glyphs import count_cells, glyph_of
from harness.results.grid import Grid, GridCell, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class TableMark:
    """One cell of the table."""

    glyph: str
    outcome: str
    loud: bool
    words: str
    href: str
    """Address of the cell's page; empty if it has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableLine:
    """One row of the table."""

    name: str
    marks: tuple[TableMark | None, ...]
    """None where there is no cell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GridTable:
    """The table; its rows are targets or subjects, whichever are more."""

    columns: Axis
    bodies: tuple[tuple[str, tuple[TableLine, ...]], ...]
    """Rows under their headings."""
    key: str
    """What each glyph means, with the number of its cells."""


def grid_table(grid: Grid, address: Callable[[str], str] | None = None) -> GridTable:
    """Return the table of a grid; ``address``: of the page of a cell with that id."""
    marks = {
        (each.cell.target.key, each.cell.subject.id): _mark(each, address) for each in grid.cells
    }
    targets, subjects = target_axis(grid), subject_axis(grid)
    if len(grid.targets) > len(grid.subjects):
        rows, columns = targets, subjects
    else:
        rows, columns = subjects, targets
        marks = {(subject, target): mark for (target, subject), mark in marks.items()}
    across = [item for group in columns for item in group.items]

    def lines(group: Group) -> Iterator[TableLine]:
        for item in group.items:
            found = tuple(marks.get((item.key, other.key)) for other in across)
            yield TableLine(name=_name(item), marks=found)

    return GridTable(
        columns=columns,
        bodies=tuple((group.heading, tuple(lines(group))) for group in rows),
        key=" · ".join(text.plain for text in count_cells(grid.cells, plain=False)),
    )


def _name(item: AxisItem) -> str:
    return " ".join((item.label, *(mark for mark in item.marks if mark.strip())))


def _mark(cell: GridCell, address: Callable[[str], str] | None) -> TableMark:
    glyph, _ = glyph_of(cell, plain=False)
    loud = cell.verdict in (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS)
    return TableMark(
        glyph=glyph,
        outcome=cell.outcome or "",
        loud=loud,
        words=f"{cell.outcome or 'not run'}{', unexpected' if loud else ''}",
        href=address(cell.cell.id) if address else "",
    )
