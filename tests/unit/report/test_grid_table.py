"""The grid as a table for readers without a script."""

from dataclasses import replace
from itertools import chain

from harness.report.grid_table import grid_table
from harness.report.html import PageService, html_page
from harness.results.grid import Grid, Verdict, build_grid
from harness.results.runfile import Circumstances, record_run
from tests.support.cells import make_cell

HOSTILE = "<script>window.owned = true</script>\x1b[2J"


def test_every_cell_is_in_the_table(wide_grid: Grid) -> None:
    """In its row and column, whichever axis is longer; loud if it is unexpected."""
    table = grid_table(wide_grid)
    marks = list(chain.from_iterable(line.marks for _, lines in table.bodies for line in lines))
    found = [mark for mark in marks if mark]
    assert len(found) == len(wide_grid.cells)
    unexpected = (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS)
    assert sum(mark.loud for mark in found) == sum(
        cell.verdict in unexpected for cell in wide_grid.cells
    )
    rows = sum(len(lines) for _, lines in table.bodies)
    assert rows == max(len(wide_grid.targets), len(wide_grid.subjects))
    assert len(marks) == rows * sum(len(group.items) for group in table.columns)


def test_a_cell_is_in_its_row_and_column() -> None:
    """Where a subject has no cell on a target, nothing is."""
    cells = [make_cell(subject="a"), make_cell(subject="b"), make_cell(subject="c")]
    table = grid_table(build_grid(cells[:2], []), lambda cell: f"/cells/{cell}")
    ((_, lines),) = table.bodies
    links = {line.name: [mark.href if mark else "" for mark in line.marks] for line in lines}
    assert links == {each.subject.id: [f"/cells/{each.id}"] for each in cells[:2]}
    assert {mark.words for line in lines for mark in line.marks if mark} == {"not run"}


def test_the_page_has_it_for_browsers_without_a_script(grid: Grid) -> None:
    """Within ``noscript``, with links only if a service has the pages of the cells."""
    run = record_run(grid, Circumstances(harness="1", started_at="", seconds=1, workers=1))
    alone = html_page(run)
    table = alone[alone.index("<noscript>") : alone.index("</noscript>")]
    assert table.count('class="mark ') == len(grid.cells)
    assert "<a " not in table
    served = html_page(run, service=PageService(address=lambda cell: f"/cells/{cell}"))
    assert served.count('<a href="/cells/') == len(grid.cells)
    assert ('<html lang="en" data-served>' in served, "data-served>" in alone) == (True, False)


def test_hostile_names_are_text() -> None:
    """In headings, rows and addresses."""
    cell = make_cell(subject=HOSTILE)
    hostile = replace(cell, subject=replace(cell.subject, group=HOSTILE))
    run = record_run(
        build_grid([hostile], []), Circumstances(harness="", started_at="", seconds=1, workers=1)
    )
    page = html_page(run, service=PageService(address=lambda name: name))
    assert "<script>window" not in page
    assert '"<script' not in page
