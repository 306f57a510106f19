"""Comparisons as text, JSON and Markdown."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from harness.core.cells import Outcome
from harness.core.errors import UsageError
from harness.report.changes import MOST, comparison_json, format_comparison
from harness.report.markdown import markdown_changes
from harness.results.choice import chosen_cells, chosen_changes
from harness.results.compare import ChangeKind, Comparison, compare_grids
from harness.results.grid import Grid
from harness.results.query import parse_query
from harness.results.runfile import Circumstances, record_run
from tests.support.cells import NEW, cells, grid, saw

MADE = [*cells(4), *cells(1, target="fedora-32")]


@pytest.fixture
def comparison() -> Comparison:
    """Three subjects regress with their image, one alone, and one is fixed."""
    base = [saw(cell, Outcome.PASS) for cell in MADE[:3]]
    now = [saw(cell, Outcome.IMPORT_FAILED, "no\x1bsymbol", image=NEW) for cell in MADE[:3]]
    base += [saw(MADE[3], Outcome.CRASHED), saw(MADE[4], Outcome.PASS)]
    now += [saw(MADE[3], Outcome.PASS), saw(MADE[4], Outcome.CRASHED, wheel="b")]
    return compare_grids(grid(*zip(MADE, base, strict=True)), grid(*zip(MADE, now, strict=True)))


def terminal(comparison: Comparison) -> str:
    page = io.StringIO()
    Console(file=page, width=200).print(format_comparison(comparison), end="")
    return page.getvalue()


def test_terminal(comparison: Comparison) -> None:
    """Counts first, then the epidemic, then each cell with both results and differences."""
    lines = terminal(comparison).splitlines()
    assert lines[0] == "4 regressed, 1 fixed"
    assert (
        "epidemic: 3 of 3 cells, 3 subjects, changed with image: sha256:old → sha256:new" in lines
    )
    regressed = lines.index("regressed")
    assert r"pass → import-failed (no\x1bsymbol)" in lines[regressed + 1]
    assert lines[regressed + 2] == "      image: sha256:old → sha256:new"
    assert "crashed → pass" in lines[lines.index("fixed") + 1]


def test_regression_without_a_recorded_change() -> None:
    (cell,) = cells(1)
    alone = compare_grids(
        grid((cell, saw(cell, Outcome.PASS))), grid((cell, saw(cell, Outcome.CRASHED)))
    )
    assert "      no other recorded change" in terminal(alone).splitlines()


def test_a_long_list_is_cut() -> None:
    """The number of further lines is shown."""
    many = cells(MOST + 2)
    new = compare_grids(Grid(cells=()), grid(*((cell, saw(cell, Outcome.PASS)) for cell in many)))
    assert terminal(new).splitlines()[-1] == "  and 2 more"


def test_equal_grids_are_one_line() -> None:
    (cell,) = cells(1)
    same = grid((cell, saw(cell, Outcome.PASS)))
    assert terminal(compare_grids(same, same)) == "1 same\n"
    assert terminal(compare_grids(Grid(cells=()), Grid(cells=()))) == "no cells\n"


def test_json_has_every_change(comparison: Comparison) -> None:
    """Both runs, the counts, epidemics and both sides of each change."""
    document: dict[str, Any] = json.loads(comparison_json(comparison, base="b", run="r"))
    assert (document["base"], document["run"], document["worse"]) == ("b", "r", True)
    assert document["counts"] == {"regressed": 4, "fixed": 1}
    (epidemic,) = document["epidemics"]
    assert (epidemic["exposed"], len(epidemic["cells"])) == (3, 3)
    last = document["changes"][-1]
    assert (last["base"]["outcome"], last["now"]["outcome"]) == ("pass", "crashed")
    assert [d["aspect"] for d in last["differences"]] == ["wheel"]


def test_markdown_has_a_row_per_change(comparison: Comparison) -> None:
    """Text from wheels cannot leave its table cell."""
    rows = [row for row in markdown_changes(comparison).splitlines() if row.startswith("| <code>")]
    assert len(rows) == 5
    assert all(row.count("|") == 6 for row in rows)
    assert "sha256&#58;old → sha256&#58;new" in rows[0]
    assert "\x1b" not in rows[0]


def test_markdown_keeps_its_budget(comparison: Comparison) -> None:
    """Omitted rows are counted."""
    short = markdown_changes(comparison, budget=600)
    assert len(short.encode()) <= 600
    assert "lines more_" in short


def test_a_query_filters_changes(comparison: Comparison) -> None:
    """By the newer cell; epidemics too."""
    fedora = chosen_changes(comparison, parse_query("target:fedora-*"))
    assert (fedora.counts, fedora.epidemics) == ({ChangeKind.REGRESSED: 1}, ())
    ill = chosen_changes(comparison, parse_query("outcome:import-failed s0"))
    assert [len(e.cells) for e in ill.epidemics] == [len(ill.changes)] == [1]


def test_a_query_filters_a_run() -> None:
    """The run keeps only the targets and subjects of the matching cells."""
    seen = [(cell, replace(saw(cell, Outcome.PASS))) for cell in MADE]
    how = Circumstances(harness="1", started_at="2026-01-01", seconds=1, workers=1)
    chosen = chosen_cells(record_run(grid(*seen), how), parse_query("target:fedora-*"))
    assert [record.target for record in chosen.cells] == [MADE[4].target.key]
    assert [target.id for target in chosen.targets] == ["fedora-32"]
    assert [subject.id for subject in chosen.subjects] == ["s0"]
    assert len(chosen.grid.cells) == 1
    with pytest.raises(UsageError, match="none of the run's 5 cells matches the query"):
        chosen_cells(record_run(grid(*seen), how), parse_query("target:nothing"))
