"""The agent's report on a cell, from what its child process reported and how it ended."""

# mypy: allow-untyped-calls
# The agent runs on Python 3.6 and is not typed.

from typing import Any

import pytest

from harness.probe.agent.child import Result
from harness.probe.agent.outcomes import (
    blames_disk,
    import_report,
    install_report,
    installed,
    with_starts,
)
from harness.probe.dependency_failures import SLOW

PASSED = {"done": True}
FAILED = {"done": True, "failed": "x is not true"}
INSTALLED = {"done": True, "status": 0}
NO_THREAD = {"failed": "RuntimeError: can't start new thread"}


def _result(said: object = None, status: int = 0, **differently: object) -> Any:  # noqa: ANN401 - the agent is untyped
    fields = {"stage": "", "module": "", "said": said, "status": status, "ended": "exit"}
    return Result(**{**fields, "log": "", "hit": (), "fault": None, **differently})


def _short(report: dict[str, str]) -> tuple[str, str, str]:
    return report["outcome"], report["stage"], report["cause"]


@pytest.mark.parametrize(
    ("result", "report"),
    [
        (_result(PASSED, stage="call"), ("pass", "call", "")),
        (_result({**PASSED, "loads": [["a.so", "no"]]}, stage="load"), ("pass", "call", "")),
        (_result(None, -9, stage="load"), ("crashed", "load", "signal")),
        (_result(PASSED, 1, stage="call"), ("call-failed", "call", "")),
        (_result(PASSED), ("import-failed", "import", "")),
        (_result({"done": True, "failed": 1}, stage="call"), ("call-failed", "call", "")),
        (_result({"done": True, "more": 1}, stage="call"), ("call-failed", "call", "")),
        (None, ("crashed", "import", "signal")),
        (_result(), ("import-failed", "import", "")),
        (_result(FAILED, 1, stage="call"), ("call-failed", "call", "")),
        (_result(None, -11), ("crashed", "import", "signal")),
        (_result(PASSED, -11, stage="call"), ("crashed", "call", "signal")),
        (_result(None, -4), ("crashed", "import", "illegal-instruction")),
        (_result(None, -9, hit=("memory-limit",)), ("crashed", "import", "memory-limit")),
        (_result(None, -9, ended="timeout"), ("timeout", "import", "timeout")),
        (_result(PASSED, -9, ended="quiet", stage="call"), ("timeout", "call", "quiet")),
        (_result(None, -9, ended="output"), ("import-failed", "import", "endless-output")),
        (_result(NO_THREAD, 1, hit=("pids-limit",)), ("import-failed", "import", "pids-limit")),
        (_result(FAILED, 1, hit=("pids-limit",)), ("import-failed", "import", "")),
    ],
)
def test_report_on_an_import(result: object, report: tuple[str, str, str]) -> None:
    """Only a complete report with a clean exit passes; limits and signals override reports."""
    assert _short(import_report(result)) == report


@pytest.mark.parametrize(
    ("result", "whose", "report"),
    [
        (None, "subject", ("miss", "install", "infra:installer")),
        (_result(None, 1), "companion", ("miss", "install", "infra:companion")),
        (_result(None, 1), "subject", ("install-failed", "install", "")),
        (_result(None, -9, hit=("memory-limit",)), "subject", ("miss", "install", "infra:memory")),
        (_result(None, -9, ended="timeout"), "subject", ("timeout", "install", "timeout")),
        (
            _result(None, 1, log="ERROR: a.whl is not a supported wheel on this platform."),
            "subject",
            ("refused", "install", "tag-refused"),
        ),
        (
            _result(None, 1, log="a.whl is not a supported wheel on this platform."),
            "subject",
            ("install-failed", "install", ""),
        ),
        (
            _result(None, 1, log="ERROR: Package 'a' requires a different Python: 3.6"),
            "subject",
            ("install-failed", "install", "requires-python"),
        ),
    ],
)
def test_report_on_an_installation(
    result: object, whose: str, report: tuple[str, str, str]
) -> None:
    """A refusal has pip's error line; a failure that the subject did not cause is a miss."""
    assert _short(install_report(result, whose)) == report


def test_full_disk_needs_more_than_words() -> None:
    """A wheel can have pip print them; only one that is too large is our limit's."""
    full = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    result = _result(None, 1, log=f"more\n{full}: '/tmp/x'")
    assert blames_disk(result)
    assert not blames_disk(_result(None, 1, log=f"WARNING {full}"))
    assert not blames_disk(None)
    assert _short(install_report(result, "subject")) == ("install-failed", "install", "")
    for whose in ("subject", "companion"):
        assert _short(install_report(result, whose, True)) == ("miss", "install", "infra:space")


@pytest.mark.parametrize(
    ("result", "evidence"),
    [
        (_result(None, 3), "the process exited with status 3 and without a report"),
        (_result(None, -11), "killed by SIGSEGV"),
        (_result(None, -200), "killed by signal 200"),
        (
            _result(None, -9, hit=("memory-limit",)),
            "killed by SIGKILL at the container's memory limit",
        ),
        (_result(None, -9, ended="timeout"), "still running at the time limit"),
        (_result(None, -9, ended="quiet"), "silent for longer than the limit"),
        (_result(None, -9, ended="output"), "more than 16 MiB of output"),
        (_result(FAILED, 1), "x is not true"),
        (_result(PASSED, stage="call"), ""),
    ],
)
def test_evidence(result: object, evidence: str) -> None:
    """The evidence is the last line of the child, or else the way it ended."""
    assert import_report(result)["evidence"] == evidence


def test_installation_needs_a_report_of_success() -> None:
    """An installation counts only if pip finished and reported success."""
    assert installed(_result(INSTALLED))
    assert not installed(None)
    assert not installed(_result(INSTALLED, 1))
    assert not installed(_result({**INSTALLED, "more": 1}))
    assert not installed(_result(INSTALLED, ended="timeout"))


def test_lost_child_is_a_crash_with_its_limit() -> None:
    """A cell that kills its runner is a crash; out of memory has its own cause."""
    assert import_report(None, ["memory-limit"])["cause"] == "memory-limit"


def test_lone_surrogates_are_escaped() -> None:
    """A report has no lone surrogates, so that it can be encoded as UTF-8."""
    report = import_report(_result({"done": True, "failed": "\udcff"}, log="a\ud800"))
    assert (report["evidence"], report["log"]) == ("\\udcff", "a\\ud800")


def test_companion_at_the_time_limit() -> None:
    """Its report has the words that distinguish it from one that does not install."""
    report = install_report(_result(None, -9, ended="timeout"), "companion")
    assert (report["outcome"], report["evidence"]) == ("miss", SLOW)


STARTED = {"outcome": "pass", "untried": 1}
GONE = "limited: it ended or stopped what started it"
ERROR = ["bin/a", "ended: killed by SIGSEGV"]


@pytest.mark.parametrize(
    ("result", "hit", "starts", "untried"),
    [
        (_result({"done": True, "untried": 2}, stage="start"), (), [], 3),
        (_result({"done": True, "starts": [ERROR]}, stage="start"), (), [ERROR], 1),
        (
            _result({"done": True, "starts": [ERROR]}, hit=("pids-limit",)),
            (),
            [["bin/a", "limited: pids-limit: killed by SIGSEGV"]],
            1,
        ),
        (
            _result(None, -9, stage="start", module="bin/b"),
            (),
            [["bin/b", f"{GONE}, and the 1 after it were not started: killed by SIGKILL"]],
            1,
        ),
        (_result(None, -9, module="bin/c", ended="timeout"), (), [["bin/c", f"{GONE}: {SLOW}"]], 1),
        (None, (), [["", GONE]], 1),
    ],
)
def test_report_with_programs(
    result: object, hit: tuple[str, ...], starts: list[list[str]], untried: int
) -> None:
    """What programs gave is added; a limit of the container is reported."""
    report = with_starts(STARTED, result, ["bin/a", "bin/b", "bin/c"], hit)
    assert (report["starts"], report["untried"]) == (starts, untried)
    assert report["outcome"] == "pass"
