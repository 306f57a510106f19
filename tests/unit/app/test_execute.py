"""How a finished grid becomes an exit code."""

from dataclasses import replace

from harness.app.execute import count_findings
from harness.core.cells import Outcome, Stage
from harness.core.errors import ExitCode
from harness.core.observations import Observation
from harness.core.subjects import WheelRef
from harness.core.wheel_findings import FindingCode, FindingList
from harness.report.console import Console
from harness.results.grid import Grid, build_grid, exit_code
from tests.support.cells import cells

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
