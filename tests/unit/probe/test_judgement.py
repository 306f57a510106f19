"""The verdict on what came of a child, as plain values."""

# mypy: allow-untyped-calls
# The agent runs on Python 3.6 and is not typed.

from typing import Any

import pytest

from harness.probe.agent.child import Result
from harness.probe.agent.judgement import installed, judge_import, judge_install

PASSED = {"done": True}
FAILED = {"done": True, "failed": "x is not true"}
INSTALLED = {"done": True, "status": 0}


def _result(said: object = None, status: int = 0, **differently: object) -> Any:  # noqa: ANN401 - the agent is untyped
    fields = {"stage": "", "said": said, "status": status, "ended": "exit", "log": "", "hit": ()}
    return Result(**{**fields, **differently})


def _short(verdict: dict[str, str]) -> tuple[str, str, str]:
    return verdict["outcome"], verdict["stage"], verdict["cause"]


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (_result(PASSED, stage="call"), ("pass", "call", "")),
        (_result(PASSED, 1, stage="call"), ("call-failed", "call", "")),
        (_result(PASSED), ("import-failed", "import", "")),
        (_result({"done": True, "failed": 1}, stage="call"), ("call-failed", "call", "")),
        (_result({"done": True, "more": 1}, stage="call"), ("call-failed", "call", "")),
        (None, ("crashed", "import", "signal")),
        (_result(), ("import-failed", "import", "")),
        (_result(FAILED, 1, stage="call"), ("call-failed", "call", "")),
        (_result(None, -11), ("crashed", "import", "signal")),
        (_result(PASSED, -11, stage="call"), ("crashed", "call", "signal")),
        (_result(None, -9, hit=("memory-limit",)), ("crashed", "import", "memory-limit")),
        (_result(None, -9, ended="timeout"), ("timeout", "import", "timeout")),
        (_result(PASSED, -9, ended="quiet", stage="call"), ("timeout", "call", "quiet")),
        (_result(None, -9, ended="output"), ("import-failed", "import", "endless-output")),
    ],
)
def test_imports(result: object, verdict: tuple[str, str, str]) -> None:
    """Only a whole report with a clean exit passes; limits and signals outweigh reports."""
    assert _short(judge_import(result)) == verdict


@pytest.mark.parametrize(
    ("result", "whose", "verdict"),
    [
        (None, "subject", ("miss", "install", "infra:installer")),
        (_result(None, 1), "companion", ("miss", "install", "infra:companion")),
        (_result(None, 1), "subject", ("install-failed", "install", "")),
        (_result(None, -9, hit=("memory-limit",)), "subject", ("miss", "install", "infra:memory")),
        (
            _result(None, 1, log="ERROR: [Errno 28] No space left on device"),
            "companion",
            ("miss", "install", "infra:space"),
        ),
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
def test_installs(result: object, whose: str, verdict: tuple[str, str, str]) -> None:
    """A refusal is pip's own error line; what is not the subject's doing is a miss."""
    assert _short(judge_install(result, whose)) == verdict


@pytest.mark.parametrize(
    ("result", "evidence"),
    [
        (_result(None, 3), "the process exited with status 3 and without a verdict"),
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
def test_key_lines(result: object, evidence: str) -> None:
    """The key line is what the child said last, else how it ended."""
    assert judge_import(result)["evidence"] == evidence


def test_installed() -> None:
    """An install counts only when pip ran to its end and reported success."""
    assert installed(_result(INSTALLED))
    assert not installed(None)
    assert not installed(_result(INSTALLED, 1))
    assert not installed(_result({**INSTALLED, "more": 1}))
    assert not installed(_result(INSTALLED, ended="timeout"))


def test_lost_result_has_the_limit_that_was_reached() -> None:
    """A cell that kills the process that ran it crashes; out of memory has its own cause."""
    assert judge_import(None, ["memory-limit"])["cause"] == "memory-limit"


def test_texts_can_be_stored_anywhere() -> None:
    """Lone surrogates, which no UTF-8 file can hold, are escaped."""
    verdict = judge_import(_result({"done": True, "failed": "\udcff"}, log="a\ud800"))
    assert (verdict["evidence"], verdict["log"]) == ("\\udcff", "a\\ud800")
