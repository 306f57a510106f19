"""What is said of a test run beside its outcome."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.own_tests import SuiteResult
from harness.host.engine.hardening import ContainerLimits
from harness.probe.jobs import OwnTestsJob, ProbeResult
from harness.probe.suite_results import counted, lost_in_tests, not_installed, with_limits

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
        (Outcome.TEST_FAILED, Cause.ENDLESS_OUTPUT, "print less"),
    ],
)
def test_next_steps(outcome: Outcome, cause: Cause, step: str) -> None:
    """The first line of the evidence ends with what to do."""
    told = with_limits(changed(outcome=outcome, cause=cause), TESTS, ContainerLimits())
    first, *others = told.evidence.split("\n")
    assert first.startswith("exit status 1; ")
    assert step in first
    assert others == ["1 failed"]


LOCK_FAILS = """
  File "/usr/lib/python3.11/multiprocessing/synchronize.py", line 57, in __init__
    sl = self._semlock = _multiprocessing.SemLock(
                         ^^^^^^^^^^^^^^^^^^^^^^^^^
FileNotFoundError: [Errno 2] No such file or directory

Ran 1 test in 0.001s
"""


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "have no network"),
        ("E socket.gaierror: [Errno -3] Try again", "have no network"),
        ("urllib.error.URLError: <urlopen error [Errno 101] Network is unreachable>", "no network"),
        ("OSError: [Errno 30] Read-only file system: '/usr/x'", "no place to write but /tmp"),
        ("/usr/lib/python3.11/multiprocessing/synchronize.py:57: FileNotFoundError", "no /dev/shm"),
        (LOCK_FAILS, "no /dev/shm"),
        ("AssertionError", ""),
    ],
)
def test_what_a_cell_lacks_is_told(line: str, step: str) -> None:
    """A failure that comes of the container says so in its first line; a pass does not."""
    failed = with_limits(changed(log=f"F\n{line}\n"), TESTS, ContainerLimits())
    first = failed.evidence.split("\n")[0]
    assert step in first
    assert step or first == "exit status 1"
    passed = changed(outcome=Outcome.PASS, evidence="", log=line)
    assert with_limits(passed, TESTS, ContainerLimits()).evidence == ""


def test_other_stages_are_left_alone() -> None:
    """An import that fails has run no tests."""
    failed = changed(stage=Stage.IMPORT)
    assert with_limits(failed, TESTS, ContainerLimits()) is failed


def test_lost_and_refused() -> None:
    """Memory and a refusal are no failure of the wheel; a fault in the container is."""
    lost = lost_in_tests(changed(outcome=Outcome.CRASHED, cause=Cause.MEMORY_LIMIT))
    assert (lost.outcome, lost.stage, lost.cause) == (Outcome.MISS, Stage.TEST, Cause.MEMORY)
    lost = lost_in_tests(changed(outcome=Outcome.CRASHED, cause=Cause.SIGNAL))
    assert (lost.outcome, lost.stage, lost.cause) == (Outcome.CRASHED, Stage.TEST, Cause.SIGNAL)
    refused = not_installed(RESULT, "there is no project pytst (the tests → pytst)")
    assert (refused.outcome, refused.cause) == (Outcome.REFUSED, Cause.DEPENDENCY_REFUSED)
    assert refused.evidence == (
        "the import passes; the tests cannot run: there is no project pytst (the tests → pytst)"
    )


@pytest.mark.parametrize(
    ("log", "tests"),
    [
        ("....\nRan 4 tests in 0.1s\n\nOK\n", SuiteResult(passed=4)),
        (
            (
                "Ran 1 test in 0.001s\n\nFAILED (errors=1)\n"
                "Ran 1210 tests in 12.345s\n\nFAILED (failures=2, errors=1, skipped=30, "
                "expected failures=3, unexpected successes=1)\n"
            ),
            SuiteResult(passed=1173, failed=3, errors=1, skipped=33),
        ),
        ("Ran 2 tests in 0.1s\n\nFAILED (failures=9)\n", SuiteResult(failed=9)),
        ("Ran 3 tests in 0.1s\n", SuiteResult(passed=3)),
        ("3 passed in 0.1s\n", None),
        ("", None),
    ],
)
def test_summary_of_unittest_is_counted(log: str, tests: SuiteResult | None) -> None:
    """A runner without a JUnit report has counts, too; the last summary is that of the run."""
    assert counted(changed(log=log)).tests == tests


@pytest.mark.parametrize("tests", [SuiteResult(passed=1, failed=1), SuiteResult(errors=1)])
def test_failed_case_outweighs_the_status(tests: SuiteResult) -> None:
    """A command that ends with 0 has not passed if its report has a failed case."""
    told = counted(changed(outcome=Outcome.PASS, evidence="", tests=tests))
    assert (told.outcome, told.stage, told.tests) == (Outcome.TEST_FAILED, Stage.TEST, tests)
    assert told.evidence == f"exit status 0, but the runner's report says: {tests}"


def test_report_outweighs_the_summary() -> None:
    """What a JUnit report says is not replaced."""
    reported = changed(log="Ran 4 tests in 0.1s\n\nOK\n", tests=SuiteResult(passed=1))
    assert counted(reported) == reported


@pytest.mark.parametrize(
    ("log", "tests", "outcome"),
    [
        ("", SuiteResult(), Outcome.TEST_FAILED),
        ("\nRan 0 tests in 0.000s\n\nOK\n", None, Outcome.TEST_FAILED),
        ("", SuiteResult(skipped=1), Outcome.PASS),
        ("", SuiteResult(unread="it is no XML"), Outcome.PASS),
        ("nothing to count", None, Outcome.PASS),
    ],
)
def test_run_of_no_test_is_no_pass(log: str, tests: SuiteResult | None, outcome: Outcome) -> None:
    """A runner around pytest, which ends with status 5 then, may hide that."""
    told = counted(changed(outcome=Outcome.PASS, evidence="", log=log, tests=tests))
    assert told.outcome is outcome
    said = "exit status 0, but the runner's report says: no tests"
    assert told.evidence == (said if outcome is Outcome.TEST_FAILED else "")
