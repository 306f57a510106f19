"""What is said of a test run beside its outcome."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.host.engine.hardening import ContainerLimits
from harness.probe.jobs import OwnTestsJob, ProbeResult
from harness.probe.suite_results import lost_to_memory, not_installed, with_limits

TESTS = OwnTestsJob(command=("pytest", "-q", "my tests"), timeout=900)
RESULT = ProbeResult(
    outcome=Outcome.TEST_FAILED,
    stage=Stage.TEST,
    cause="",
    evidence="exit status 1\n1 failed",
    log="F\n",
    seconds=1.0,
)


def changed(**fields: object) -> ProbeResult:
    return replace(RESULT, **fields)  # type: ignore[arg-type]


def test_limits_are_at_the_head_of_the_output() -> None:
    """The command, and that there is no network, are said before what the runner printed."""
    told = with_limits(RESULT, TESTS, ContainerLimits())
    assert told.log == (
        "$ pytest -q 'my tests'\n"
        "[no network; at most 900 s, 1024 MiB of memory, 512 MiB of disk, 128 processes]\nF\n"
    )
    assert told.evidence == RESULT.evidence


@pytest.mark.parametrize(
    ("outcome", "cause", "step"),
    [
        (Outcome.TIMEOUT, Cause.TIMEOUT, "--test-timeout S"),
        (Outcome.MISS, Cause.TEST_COMMAND, "--test-requires"),
    ],
)
def test_next_steps(outcome: Outcome, cause: Cause, step: str) -> None:
    """The first line of the evidence ends with what to do."""
    told = with_limits(changed(outcome=outcome, cause=cause), TESTS, ContainerLimits())
    first, *others = told.evidence.split("\n")
    assert first.startswith("exit status 1; ")
    assert step in first
    assert others == ["1 failed"]


def test_other_stages_are_left_alone() -> None:
    """An import that fails has run no tests."""
    failed = changed(stage=Stage.IMPORT)
    assert with_limits(failed, TESTS, ContainerLimits()) is failed


def test_lost_and_refused() -> None:
    """Neither is a failure of the wheel."""
    lost = lost_to_memory(RESULT)
    assert (lost.outcome, lost.stage, lost.cause) == (Outcome.MISS, Stage.TEST, Cause.MEMORY)
    refused = not_installed(RESULT, "there is no project pytst (the tests → pytst)")
    assert (refused.outcome, refused.cause) == (Outcome.REFUSED, Cause.DEPENDENCY_REFUSED)
    assert refused.evidence == (
        "the import passes; the tests cannot run: there is no project pytst (the tests → pytst)"
    )
