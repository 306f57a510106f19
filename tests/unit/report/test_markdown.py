"""The Markdown summary and its size limit."""

import html
import re
from dataclasses import replace

import pytest

from harness.report.markdown import BUDGET, markdown_summary
from harness.results.compare import compare_grids
from harness.results.grid import Grid

GRID = "<details><summary>The grid"


def test_whole(grid: Grid) -> None:
    """Counts, failures and the grid."""
    text = markdown_summary(grid)
    assert text.startswith("### 9 of 16 cells as expected")
    assert "<code>debian&#45;12/s390x/plain</code> | import-failed" in text
    assert GRID in text


def test_text_of_a_wheel_is_not_markup(grid: Grid) -> None:
    """It is a code element, and no pipe ends a table cell."""
    hostile = (
        "|`x` <b>@nobody</b> [l](javascript:x) ![i](x) www.evil.example #123 <!-- -->\n"
        "::error::x\n# head"
    )
    cells = tuple(
        replace(c, observation=replace(c.observation, evidence=hostile)) if c.observation else c
        for c in grid.cells
    )
    rows = [line for line in markdown_summary(Grid(cells=cells)).splitlines() if "nobody" in line]
    assert rows
    for row in rows:
        assert row.count("|") == 4
        assert not re.search(r"<b>|@nobody|\]\(|`|www\.|(?<!&)#\d|<!--|::", row)


def test_evidence_keeps_its_end(wide_grid: Grid) -> None:
    """Paths begin at the site directory; the middle of a very long text is left out."""
    text = html.unescape(markdown_summary(wide_grid))
    assert "Error relocating cachebox/_core.cpython-311-x86_64-linux-musl.so: posix_fall" in text
    assert re.search(r"ImportError: _ZN4\w*…\w*names: undefined symbol", text)


@pytest.mark.parametrize("budget", [400, 700, 1000, 1500, 2500])
def test_budget_is_kept(grid: Grid, budget: int) -> None:
    """The counts are always included."""
    text = markdown_summary(grid, budget=budget)
    assert len(text.encode()) <= budget
    assert "9 of 16" in text


def test_the_grid_is_omitted_first(grid: Grid) -> None:
    """Then rows of failures, which are counted."""
    whole = len(markdown_summary(grid).encode())
    assert GRID in markdown_summary(grid, budget=whole)
    without = markdown_summary(grid, budget=whole - 1)
    assert GRID not in without
    assert "second line" in without
    assert "lines more" not in without
    assert "lines more" in markdown_summary(grid, budget=700)


def test_a_big_run_fits(grid: Grid) -> None:
    """Ten thousand unexpected cells still give a valid summary."""
    one = grid.cells[4]
    cells = tuple(
        replace(one, cell=replace(one.cell, subject=replace(one.cell.subject, id=f"subject-{n}")))
        for n in range(10_000)
    )
    text = markdown_summary(Grid(cells=cells))
    assert BUDGET * 0.9 < len(text.encode()) <= BUDGET


def test_changes(grid: Grid) -> None:
    """Regressions against a base come before failures."""
    base = tuple(c for c in grid.cells if c.cell.id != "debian-12/s390x/plain")
    text = markdown_summary(grid, comparison=compare_grids(Grid(cells=base), grid))
    told = text.partition("#### Since the base\n\n")[2].splitlines()[0]
    assert "1 new" in told.split(", ")
