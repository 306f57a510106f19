"""Lay out a grid as a table for a given width.

Subjects or targets become the rows, whichever fits; column names are vertical if they do not fit
horizontally.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from rich.text import Span, Text

from harness.report.axes import Axis, AxisItem, Group, subject_axis, target_axis
from harness.report.glyphs import glyph_of
from harness.results.grid import Grid

GAP = "  "
INDENT = "  "
MARK = "dim"

Draw = Callable[[AxisItem], tuple[str, str]]
"""Returns the text in an item's column, and its style."""
GlyphLookup = Callable[[str, str], tuple[str, str]]
"""Returns the glyph and style for a row key and a column key."""


@dataclass(frozen=True, kw_only=True)  # no slots: cached properties
class Table:
    """One layout of a grid."""

    rows: Axis
    columns: Axis
    glyph_at: GlyphLookup
    pitch: int = 0
    """Terminal columns per cell with vertical names; 0: as wide as the horizontal name."""
    fold: bool = False
    """Break headings that are wider than their cells."""

    @cached_property
    def label_width(self) -> int:
        items = [item for group in self.rows for item in group.items]
        labels = [len(INDENT + item.label) + 2 * len(item.marks) for item in items]
        return max(*labels, *(len(group.heading) for group in self.rows))

    @property
    def width(self) -> int:
        return self.label_width + sum(len(GAP) + width for width in self.widths)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        return tuple(map(self.group_width, self.columns))

    @property
    def spill(self) -> int:
        """Columns of the gap that a heading may use in a narrow layout."""
        return len(GAP) - 1 if self.pitch else 0

    def cell_width(self, item: AxisItem) -> int:
        return self.pitch or len(item.label) + 1

    def cells_width(self, group: Group) -> int:
        return sum(self.cell_width(item) for item in group.items)

    def group_width(self, group: Group) -> int:
        lines = self.heading(group)
        return max(self.cells_width(group), *(len(line) - self.spill for line in lines))

    def heading(self, group: Group) -> list[str]:
        if not self.fold:
            return [group.heading]
        return fold_name(group.heading, self.cells_width(group) + self.spill)


def render_table(grid: Grid, *, width: int, plain: bool) -> list[Text]:
    """Return the lines of the most legible table that fits into ``width`` columns.

    If no layout fits, the table is split into several, one below the other.
    """
    ways = layouts(grid, plain=plain)
    table = next((way for way in ways if way.width <= width), ways[-1])
    parts = [render(part) for part in split(table, width)]
    return list(chain.from_iterable([*part, Text()] for part in parts))[:-1]


def layouts(grid: Grid, *, plain: bool) -> list[Table]:
    """Return the layouts of ``grid``, most legible first."""
    subjects, targets = subject_axis(grid), target_axis(grid)
    cells = {(c.cell.subject.id, c.cell.target.key): c for c in grid.cells}

    def glyph_at(subject: str, target: str) -> tuple[str, str]:
        cell = cells.get((subject, target))
        return glyph_of(cell, plain=plain) if cell else (" ", "")

    lying = Table(rows=subjects, columns=targets, glyph_at=glyph_at)
    turned = Table(
        rows=targets, columns=subjects, glyph_at=lambda row, column: glyph_at(column, row)
    )
    upright = [replace(lying, pitch=pitch) for pitch in (2, 1)]
    ways = [*sorted((lying, turned), key=lambda table: table.width), *upright]
    return [replace(way, fold=fold) for way in ways for fold in (False, True)]


def split(table: Table, width: int) -> Iterator[Table]:
    """Yield tables of whole column groups that fit into ``width``."""
    room = width - table.label_width
    part: list[Group] = []
    for group in table.columns:
        if part and sum(len(GAP) + table.group_width(g) for g in (*part, group)) > room:
            yield replace(table, columns=tuple(part))
            part = []
        part.append(group)
    yield replace(table, columns=tuple(part))


def render(table: Table) -> list[Text]:
    """Return the lines of ``table``: headings, names, marks, then the rows."""
    lines = [*_heading_lines(table), *_name_lines(table), *_mark_lines(table)]
    for group in table.rows:
        lines.append(Text(group.heading, style="bold"))
        lines.extend(_row(table, item) for item in group.items)
    for line in lines:
        line.rstrip()
    return lines


def fold_name(name: str, width: int) -> list[str]:
    """Break ``name`` after hyphens and spaces into lines of at most ``width`` if possible."""
    lines = [""]
    for piece in re.findall(r"[^- ]+[- ]*|[- ]+", name):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _heading_lines(table: Table) -> Iterator[Text]:
    height = max(len(table.heading(group)) for group in table.columns)

    def line(row: int) -> Callable[[Group], Text]:
        return lambda group: Text(_at(table.heading(group), row - height), "bold")

    return (_line(table, Text(), line(row)) for row in range(height))


def _name_lines(table: Table) -> Iterator[Text]:
    def letter(row: int) -> Draw:
        return lambda item: (item.label[row : row + 1], "")

    if not table.pitch:
        return iter([_items_line(table, Text(), lambda item: (item.label, ""))])
    height = max(len(item.label) for group in table.columns for item in group.items)
    return (_items_line(table, Text(), letter(row)) for row in range(height))


def _mark_lines(table: Table) -> Iterator[Text]:
    def mark(row: int) -> Draw:
        return lambda item: (item.marks[row], MARK)

    columns = [item for group in table.columns for item in group.items]
    for row, words in enumerate(("image from", "may fail")):
        if any(item.marks[row:] > (" ",) for item in columns):
            yield _items_line(table, Text(words.rjust(table.label_width), MARK), mark(row))


def _row(table: Table, item: AxisItem) -> Text:
    label = Text(INDENT + item.label)
    if item.marks:
        label.pad_right(table.label_width - len(label) - 2 * len(item.marks))
        label.append("".join(f" {mark}" for mark in item.marks), MARK)
    return _items_line(table, label, lambda column: table.glyph_at(item.key, column.key))


def _items_line(table: Table, label: Text, draw: Draw) -> Text:
    def fill(group: Group) -> Text:
        pieces, spans, start = [], [], 0
        for item in group.items:
            shown, style = draw(item)
            room = table.cell_width(item) - 1
            left = (room - len(shown)) // 2 if room > len(shown) else 0
            pieces.append((" " * left + shown).ljust(room + 1))
            if style:
                # Style only the glyph: reversed blanks would look like cells.
                spans.append(Span(start + left, start + left + len(shown), style))
            start += len(pieces[-1])
        return Text("".join(pieces), spans=spans)

    return _line(table, label, fill)


def _line(table: Table, label: Text, fill: Callable[[Group], Text]) -> Text:
    line = label.copy()
    start = table.label_width
    for group, width in zip(table.columns, table.widths, strict=True):
        start += len(GAP)
        line.pad_right(start - len(line))
        line.append_text(fill(group))
        start += width
    return line


def _at(lines: list[str], index: int) -> str:
    return lines[index] if -len(lines) <= index else ""
