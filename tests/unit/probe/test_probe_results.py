"""Observations made of the results of probes."""

import pytest

from harness.core.cells import Outcome, Stage
from harness.core.observations import Observation
from harness.core.wheel_findings import FindingCode, MindedBy
from harness.probe.jobs import ProbeResult
from harness.probe.probe_results import observed, reused

BASE = Observation(
    cell="a/x86_64/b", outcome=Outcome.REFUSED, stage=Stage.WHEEL, key="k", imports=("a", "a.b")
)


@pytest.mark.parametrize(
    ("untried", "late_untried", "what"),
    [
        (1, 0, "modules"),
        (0, 3, "libraries, commands and programs"),
        (1, 3, "modules and libraries, commands and programs"),
    ],
)
def test_what_was_not_tried_is_a_finding(untried: int, late_untried: int, what: str) -> None:
    """It says so on a pass, which it may be no pass of; and a run that reuses it says so too."""
    result = ProbeResult(
        outcome=Outcome.PASS, stage=Stage.CALL, cause="", evidence="", log="", seconds=1.0,
        untried=untried, late_untried=late_untried,
    )  # fmt: skip
    seen = observed(BASE, [], result)
    (finding,) = seen.findings
    assert (finding.code, finding.minded_by) == (FindingCode.NOT_TRIED, MindedBy.LIMITS)
    assert finding.message.startswith(f"Not all of its {what} were tried")
    assert seen.imports == BASE.imports[: 2 - untried]
    assert reused(BASE, seen).findings == seen.findings
