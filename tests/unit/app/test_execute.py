"""How cells are chosen by stored results, and how a finished grid becomes an exit code."""

from dataclasses import replace
from pathlib import Path

from harness.app.execute import choose_cells, count_findings
from harness.core.cells import Outcome, Stage
from harness.core.errors import ExitCode
from harness.core.observations import Observation
from harness.core.subjects import WheelRef
from harness.core.wheel_findings import FindingCode, FindingList
from harness.report.console import Console
from harness.results.grid import Grid, build_grid, exit_code
from harness.results.query import parse_query
from harness.store import open_store
from tests.support.cells import cells, saw

WHEEL = WheelRef(filename="demo-1.0-py3-none-any.whl", sha256="0", size=1, path="demo")


def grid_of(findings: FindingList) -> Grid:
    (cell,) = cells(1)
    seen = Observation(cell=cell.id, outcome=Outcome.PASS, stage=Stage.CALL, wheel=WHEEL)
    return build_grid([cell], [replace(seen, findings=findings.found())])


def test_findings_count_with_strict_wheel() -> None:
    """A wheel that passes and has findings gives exit code 1, and only then."""
    findings = FindingList()
    assert count_findings(exit_code, Console())(grid_of(findings)) is ExitCode.AS_EXPECTED
    findings.add(FindingCode.UNRECORDED_FILE, "demo.py", "RECORD does not list it.")
    assert exit_code(grid_of(findings)) is ExitCode.AS_EXPECTED
    assert count_findings(exit_code, Console())(grid_of(findings)) is ExitCode.UNEXPECTED


def test_a_query_goes_by_the_latest_result_of_each_cell(tmp_path: Path) -> None:
    """Whichever run measured it: one of another wheel in between changes nothing."""
    ours, (other,) = tuple(cells(2)), cells(1, target="debian-13")
    with open_store(tmp_path / "s.db", write=True) as store:
        store.add(store.begin(ours), [saw(cell, Outcome.CRASHED) for cell in ours])
        store.add(store.begin(ours[:1]), [saw(ours[0], Outcome.PASS)])
        store.add(store.begin([other]), [saw(other, Outcome.CRASHED)])
    chosen = choose_cells(ours, parse_query("outcome:crashed"), tmp_path / "s.db")
    assert [cell.id for cell in chosen] == [ours[1].id]
