"""Imports that switch the GIL on: a finding, and a failure where that is asked for."""

# mypy: allow-untyped-calls
# The agent runs on Python 3.6 and is not typed.

from dataclasses import replace

import pytest

from harness.core.cells import Outcome, Stage
from harness.core.observations import Observation
from harness.core.wheel_findings import FindingCode
from harness.probe.agent import importer
from harness.probe.jobs import ProbeResult
from harness.probe.probe_results import observed, reused, without_gil

BASE = Observation(cell="a/x86_64/b", outcome=Outcome.REFUSED, stage=Stage.WHEEL, key="k")
PASSED = ProbeResult(
    outcome=Outcome.PASS, stage=Stage.CALL, cause="", evidence="", log="", seconds=1.0, gil="demo"
)
WARNING = (
    "<frozen importlib._bootstrap>:488: RuntimeWarning: The global interpreter lock (GIL) has been "
    "enabled to load module 'demo._inner', which has not declared that it can run safely without"
)


@pytest.mark.parametrize(("log", "module"), [("", "demo"), (WARNING, "demo._inner")])
def test_finding_names_the_module_that_the_warning_names(log: str, module: str) -> None:
    """Without the warning, which a wheel can switch off, the import that did it."""
    seen = observed(BASE, [], replace(PASSED, log=log))
    (finding,) = seen.findings
    assert (finding.code, finding.file) == (FindingCode.GIL_ENABLED, module)
    assert finding.message.startswith("The import of demo switches the GIL on: ")
    assert seen.outcome is Outcome.PASS


def test_the_failure_has_no_key_and_is_not_reused() -> None:
    """A run that does not ask for it reuses the pass, with its finding."""
    seen = observed(BASE, [], PASSED)
    failed = without_gil(seen)
    assert (failed.outcome, failed.stage, failed.cause, failed.key) == (
        Outcome.IMPORT_FAILED,
        Stage.IMPORT,
        "gil-enabled",
        "",
    )
    assert reused(BASE, seen).findings == seen.findings


def test_other_observations_stay() -> None:
    """A failure keeps its reason, and a wheel that needs no GIL passes."""
    crashed = replace(observed(BASE, [], PASSED), outcome=Outcome.CRASHED)
    assert without_gil(crashed) is crashed
    fine = observed(BASE, [], replace(PASSED, gil=""))
    assert without_gil(fine) is fine
    assert fine.findings == ()


def test_an_interpreter_without_gil_flag_has_a_gil(monkeypatch: pytest.MonkeyPatch) -> None:
    """``sys._is_gil_enabled`` is new in 3.13."""
    monkeypatch.delattr("sys._is_gil_enabled", raising=False)
    assert importer._has_gil()
    monkeypatch.setattr("sys._is_gil_enabled", lambda: False, raising=False)
    assert not importer._has_gil()
