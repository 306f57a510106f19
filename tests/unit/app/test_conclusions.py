"""How a finished grid becomes an exit code."""

from dataclasses import replace

import pytest

from harness.app.conclusions import count_disagreements, count_findings
from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.errors import ExitCode
from harness.core.observations import Observation, Prediction
from harness.core.subjects import WheelRef
from harness.core.wheel_findings import FindingCode, FindingList
from harness.report.console import Console
from harness.results.grid import Grid, build_grid, exit_code
from harness.results.runfile import Circumstances, record_run
from harness.test_matrix import test_cell as run_cell_test
from tests.support.cells import cells

CIRCUMSTANCES = Circumstances(harness="1", started_at="", seconds=1, workers=1)
WHEEL = WheelRef(filename="demo-1.0-py3-none-any.whl", sha256="0", size=1, path="demo")


def grid_of(findings: FindingList) -> Grid:
    (cell,) = cells(1)
    seen = Observation(cell=cell.id, outcome=Outcome.PASS, stage=Stage.CALL, wheel=WHEEL)
    return build_grid([cell], [replace(seen, findings=findings.found())])


def test_findings_count_with_strict_wheel() -> None:
    """A wheel that passes and has findings gives exit code 1, and only then.

    What a limit of this program left untried is no defect of the wheel.
    """
    findings = FindingList()
    findings.add(FindingCode.NOT_TRIED, "", "Not all of its modules were tried.")
    assert count_findings(exit_code, Console())(grid_of(findings)) is ExitCode.AS_EXPECTED
    findings.add(FindingCode.UNRECORDED_FILE, "demo.py", "RECORD does not list it.")
    assert exit_code(grid_of(findings)) is ExitCode.AS_EXPECTED
    assert count_findings(exit_code, Console())(grid_of(findings)) is ExitCode.UNEXPECTED


def test_wrong_prediction_counts_with_strict_prediction() -> None:
    """A pass that was predicted to fail gives exit code 1, and only then."""
    (cell,) = cells(1)
    seen = Observation(cell=cell.id, outcome=Outcome.PASS, stage=Stage.CALL, wheel=WHEEL)
    said = Prediction(outcome=Outcome.PASS, stage=Stage.CALL)
    wrong = replace(said, outcome=Outcome.IMPORT_FAILED, stage=Stage.IMPORT)
    right, failed = (build_grid([cell], [replace(seen, prediction=p)]) for p in (said, wrong))
    strict = count_disagreements(exit_code, Console())
    assert (strict(right), strict(failed)) == (ExitCode.AS_EXPECTED, ExitCode.UNEXPECTED)
    assert exit_code(failed) is ExitCode.AS_EXPECTED
    assert [record.agreement for record in record_run(failed, CIRCUMSTANCES).cells] == ["disagrees"]


def test_wrong_prediction_fails_the_matrix() -> None:
    """A cell that is as expected and not as predicted fails its test."""
    (cell,) = cells(1)
    seen = Observation(cell=cell.id, outcome=Outcome.PASS, stage=Stage.CALL)
    run_cell_test(cell, seen)
    wrong = Prediction(outcome=Outcome.IMPORT_FAILED, stage=Stage.IMPORT, cause=Cause.STATIC_TLS)
    with pytest.raises(pytest.fail.Exception, match="predicted import-failed static-tls"):
        run_cell_test(cell, replace(seen, prediction=wrong))
