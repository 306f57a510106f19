"""What came of a child, and the verdict on it: the agent's judgement as plain values."""

# mypy: allow-untyped-calls
# The agent runs on Python 3.6 and is not typed.

from collections.abc import Sequence
from typing import Any

import pytest

from harness.probe.agent.child import Result
from harness.probe.agent.judgement import INSTALLED, installed, judge_import, judge_install

PASSED: list[object] = [{"stage": "call"}, {"passed": True}]
CALLED: list[object] = [{"stage": "call"}, {"failed": "x is not true"}]


def _result(said: Sequence[object], status: int = 0, **differently: object) -> Any:  # noqa: ANN401 - the agent is untyped
    fields = {"said": said, "status": status, "ended": "exit", "log": "", "hit": ()}
    return Result(**{**fields, **differently})


def _short(verdict: dict[str, str]) -> tuple[str, str, str]:
    return verdict["outcome"], verdict["stage"], verdict["cause"]


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (_result(PASSED), ("pass", "call", "")),
        (_result(PASSED, 1), ("call-failed", "call", "")),
        (_result([{"passed": True}]), ("import-failed", "import", "")),
        (_result([]), ("import-failed", "import", "")),
        (_result(CALLED, 1), ("call-failed", "call", "")),
        (_result([], -11), ("crashed", "import", "signal")),
        (_result(PASSED, -11), ("crashed", "call", "signal")),
        (_result([], -9, hit=("memory-limit",)), ("crashed", "import", "memory-limit")),
        (_result([], -9, ended="timeout"), ("timeout", "import", "timeout")),
        (_result(PASSED, -9, ended="quiet"), ("timeout", "call", "quiet")),
        (_result([], -9, ended="output"), ("import-failed", "import", "endless-output")),
    ],
)
def test_imports(result: object, verdict: tuple[str, str, str]) -> None:
    """Only a whole report with a clean exit passes; limits and signals outweigh reports."""
    assert _short(judge_import(result)) == verdict


@pytest.mark.parametrize(
    ("result", "whose", "verdict"),
    [
        (None, "subject", ("miss", "install", "infra:installer")),
        (_result([], 1), "companion", ("miss", "install", "infra:companion")),
        (_result([], 1), "subject", ("install-failed", "install", "")),
        (_result([], -9, ended="timeout"), "subject", ("timeout", "install", "timeout")),
        (
            _result([], 1, log="ERROR: a.whl is not a supported wheel on this platform."),
            "subject",
            ("refused", "install", "tag-refused"),
        ),
        (
            _result([], 1, log="a.whl is not a supported wheel on this platform."),
            "subject",
            ("install-failed", "install", ""),
        ),
        (
            _result([], 1, log="ERROR: Package 'a' requires a different Python: 3.6"),
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
        (_result([], 3), "the process exited with status 3 and without a verdict"),
        (_result([], -11), "killed by SIGSEGV"),
        (_result([], -200), "killed by signal 200"),
        (
            _result([], -9, hit=("memory-limit",)),
            "killed by SIGKILL at the container's memory limit",
        ),
        (_result([], -9, ended="timeout"), "still running at the time limit"),
        (_result([], -9, ended="quiet"), "silent for longer than the limit"),
        (_result([], -9, ended="output"), "more than 16 MiB of output"),
        (_result(CALLED, 1), "x is not true"),
        (_result(PASSED), ""),
    ],
)
def test_key_lines(result: object, evidence: str) -> None:
    """The key line is what the child said last, else how it ended."""
    assert judge_import(result)["evidence"] == evidence


def test_installed() -> None:
    """An install counts when pip ran to its end and nothing else was said."""
    assert installed(_result(INSTALLED))
    assert not installed(None)
    assert not installed(_result(INSTALLED, 1))
    assert not installed(_result([*INSTALLED, *INSTALLED]))
    assert not installed(_result(INSTALLED, ended="timeout"))
