"""Lay out a grid as a table for a given width.

Subjects or targets become the rows, whichever fits. If the names of architectures do not fit
horizontally, each is a letter; names of targets that do not fit are numbers. Legends explain both.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from rich.text import Span, Text

from harness.report.axes import Axis, AxisItem, Group, subject_axis, target_axis
from harness.report.glyphs import ARCH_LETTERS, DOUBTED, glyph_of
from harness.results.grid import Grid

INDENT = "  "
MARK = "dim"
READABLE = 120
"""Columns for a table and its legend where nothing limits the width: a pipe, a log."""
TALLEST = 30
"""Maximum lines of a table whose rows are targets: a terminal shows them without scrolling."""
LEAST_LABEL = 14
"""Minimum columns for names of rows that are broken into lines."""
_ARCH, _IMAGE, _LENIENT, _DOUBTED = "arch", "image from", "may fail", "believed"

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
    """Terminal columns per cell if architectures are letters; 0: as wide as the name."""
    gap: int = 2
    """Terminal columns between groups."""
    fold: bool = False
    """Break headings that are wider than their cells."""
    label_room: int = 0
    """Break names of rows that are longer; 0: no limit."""
    numbers: tuple[str, ...] = ()
    """The headings that are numbers: ``1=debian-12``."""

    @cached_property
    def label_width(self) -> int:
        items = [item for group in self.rows for item in group.items]
        labels = [len(line) + 2 * len(item.marks) for item in items for line in self.label(item)]
        return max(len(INDENT + _IMAGE), *labels)

    @property
    def width(self) -> int:
        cells = self.label_width + sum(self.gap + width for width in self.widths)
        return max(cells, *(len(group.heading) for group in self.rows))

    @cached_property
    def widths(self) -> tuple[int, ...]:
        return tuple(map(self.group_width, self.columns))

    @property
    def spill(self) -> int:
        """Columns of the gap that a heading may use in a narrow layout."""
        return self.gap - 1 if self.pitch else 0

    @property
    def height(self) -> int:
        return sum(1 + len(group.items) for group in self.rows)

    def label(self, item: AxisItem) -> list[str]:
        """Return the lines of a row's name; the cells are beside the last one."""
        whole = INDENT + item.label
        if not self.label_room or len(whole) <= self.label_room:
            return [whole]
        first, *others = fold_name(item.label, self.label_room - 2 * len(INDENT))
        return [INDENT + first, *(2 * INDENT + line for line in others)]

    def cell_width(self, item: AxisItem) -> int:
        if "@" in item.letter and self.pitch:
            return len(item.letter) + (3 if self.pitch == 1 else 1)
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


def render_table(grid: Grid, *, width: int | None, plain: bool) -> list[Text]:
    """Return the lines of the most legible table that fits into ``width`` columns, and its legend.

    If no layout fits, the table is split into several, one below the other. None is no limit.
    """
    return render_best(layouts(grid, plain=plain), width)


def render_best(ways: list[Table], width: int | None) -> list[Text]:
    """Return the lines of the first layout that fits, as ``render_table`` does."""
    tables = choose_layout(ways, width)
    lines = list(chain.from_iterable([*render(table), Text()] for table in tables))
    axes = [group for table in tables for group in (*table.rows, *table.columns)]
    noted = dict.fromkeys(item.note for group in axes for item in group.items if item.note)
    machines = list(flow([Text(note, MARK) for note in noted], width))
    if not tables[0].pitch:
        return [*lines, *machines] if machines else lines[:-1]
    columns = (group for table in tables for group in table.columns)
    used = {item.label.partition("@")[0] for group in columns for item in group.items}
    letters = [Text(f"{ARCH_LETTERS[name]}={name}", MARK) for name in ARCH_LETTERS if name in used]
    numbers = [Text(number, MARK) for number in tables[0].numbers]
    return [*lines, *flow(letters, width, gap=1), *machines, *flow(numbers, width)]


def choose_layout(ways: list[Table], width: int | None) -> list[Table]:
    """Return the first of ``ways`` that fits, or the parts of one that is split."""
    for way in ways:
        if way.width <= (width or READABLE):
            return [way]
    *_, numbered, narrow = ways
    if width is None:
        return [numbered]
    room = width - sum(narrow.gap + cells for cells in narrow.widths)
    broken = replace(narrow, label_room=max(room, LEAST_LABEL))
    return [broken] if broken.width <= width else list(split(numbered, width))


def layouts(grid: Grid, *, plain: bool) -> list[Table]:
    """Return the layouts of ``grid``, most legible first."""
    subjects, targets = subject_axis(grid), target_axis(grid)
    cells = {(c.cell.subject.id, c.cell.target.key): c for c in grid.cells}

    def glyph_at(subject: str, target: str) -> tuple[str, str]:
        cell = cells.get((subject, target))
        return glyph_of(cell, plain=plain) if cell else (" ", "")

    return layouts_of(Table(rows=subjects, columns=targets, glyph_at=glyph_at))


def layouts_of(lying: Table) -> list[Table]:
    """Return the layouts of a table whose columns are targets, most legible first."""
    turned = Table(
        rows=lying.columns,
        columns=lying.rows,
        glyph_at=lambda row, column: lying.glyph_at(column, row),
    )
    letters = [replace(lying, pitch=pitch) for pitch in (2, 1)]
    low = [table for table in (lying, turned) if table is lying or table.height <= TALLEST]
    ways = [*sorted(low, key=lambda table: table.width), *letters]
    return [
        *(replace(way, fold=fold) for way in ways for fold in (False, True)),
        *(_numbered(replace(lying, pitch=1, gap=gap)) for gap in (2, 1)),
    ]


def _numbered(table: Table) -> Table:
    """Return the table with a number for each heading that is wider than its cells."""
    columns: list[Group] = []
    numbers: list[str] = []
    for group in table.columns:
        name = group.heading
        if len(name) > table.cells_width(group) + table.spill:
            numbers.append(f"{len(numbers) + 1}={name}")
            name = str(len(numbers))
        columns.append(replace(group, heading=name))
    return replace(table, columns=tuple(columns), numbers=tuple(numbers))


def flow(entries: list[Text], width: int | None, *, gap: int = 3) -> Iterator[Text]:
    """Yield lines with as many of the entries as fit."""
    line = Text()
    for entry in entries:
        if line and len(line) + gap + len(entry) > (width or READABLE):
            yield line
            line = Text()
        line = Text.assemble(line, " " * gap, entry) if line else entry
    if line:
        yield line


def split(table: Table, width: int) -> Iterator[Table]:
    """Yield tables of whole column groups that fit into ``width``, without empty rows."""
    room = width - table.label_width
    part: list[Group] = []
    for group in table.columns:
        if part and sum(table.gap + table.group_width(g) for g in (*part, group)) > room:
            yield _part(table, part)
            part = []
        part.append(group)
    yield _part(table, part)


def _part(table: Table, columns: list[Group]) -> Table:
    keys = [item.key for group in columns for item in group.items]

    def is_filled(row: AxisItem) -> bool:
        return any(table.glyph_at(row.key, key)[0].strip() for key in keys)

    rows = (replace(g, items=tuple(filter(is_filled, g.items))) for g in table.rows)
    return replace(table, rows=tuple(g for g in rows if g.items), columns=tuple(columns))


def render(table: Table) -> list[Text]:
    """Return the lines of ``table``: headings, names, marks, then the rows."""
    lines = [*_heading_lines(table), *_name_lines(table), *_mark_lines(table)]
    for group in table.rows:
        lines.append(Text(group.heading, style="bold"))
        lines.extend(chain.from_iterable(_row(table, item) for item in group.items))
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
    if table.pitch:
        label = Text(_ARCH.rjust(table.label_width), MARK)
        yield _items_line(table, label, lambda item: (item.letter, ""))
    else:
        yield _items_line(table, Text(), lambda item: (item.label, ""))


def _mark_lines(table: Table) -> Iterator[Text]:
    def mark(row: int) -> Draw:
        return lambda item: (item.marks[row], MARK)

    columns = [item for group in table.columns for item in group.items]
    doubted = any(DOUBTED in item.marks for item in columns)
    for row, words in enumerate((_IMAGE, _DOUBTED if doubted else _LENIENT)):
        if any(item.marks[row:] > (" ",) for item in columns):
            yield _items_line(table, Text(words.rjust(table.label_width), MARK), mark(row))


def _row(table: Table, item: AxisItem) -> Iterator[Text]:
    *lines, last = table.label(item)
    yield from map(Text, lines)
    label = Text(last)
    if item.marks:
        label.pad_right(table.label_width - len(label) - 2 * len(item.marks))
        label.append("".join(f" {mark}" for mark in item.marks), MARK)
    yield _items_line(table, label, lambda column: table.glyph_at(item.key, column.key))


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
        start += table.gap
        line.pad_right(start - len(line))
        line.append_text(fill(group))
        start += width
    return line


def _at(lines: list[str], index: int) -> str:
    return lines[index] if -len(lines) <= index else ""
