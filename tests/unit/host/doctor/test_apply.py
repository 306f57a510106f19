"""Repairs as they run: announced first, shown as they go, and told when they fail."""

import re

import pytest

from harness.core.errors import EngineError
from harness.host.doctor.fix import Repair, _apply
from harness.host.process import ProcessError, show_process


def test_a_command_is_announced_as_one_would_type_it(capfd: pytest.CaptureFixture[str]) -> None:
    """The line comes before its output, which goes to standard error alone."""
    said: list[str] = []
    _apply(Repair(argv=("sh", "-c", "echo done it")), said.append)
    assert said == ["$ sh -c 'echo done it'"]
    assert capfd.readouterr() == ("", "done it\n")


def test_a_repair_that_fails_is_named_with_its_status() -> None:
    """The user can run the very line again."""
    expected = "sh -c 'exit 100': exit status 100; see its output above"
    with pytest.raises(EngineError, match=f"^{re.escape(expected)}$"):
        _apply(Repair(argv=("sh", "-c", "exit 100")), lambda _line: None)


def test_a_repair_that_hangs_is_ended() -> None:
    """Not even its children outlive the time that it has."""
    with pytest.raises(ProcessError, match="took longer than 0 s"):
        show_process(["sh", "-c", "sleep 60 & wait"], timeout=0.1)


def test_a_program_that_is_not_there_is_told() -> None:
    """A missing program is a failure like any other, not a traceback."""
    with pytest.raises(ProcessError, match="no-such-program: No such file or directory"):
        show_process(["no-such-program"], timeout=1)


def test_an_engine_that_answers_by_now_is_not_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Installing the engine may have started it."""
    monkeypatch.setattr("harness.host.doctor.fix._engine_answers", lambda: True)
    said: list[str] = []
    _apply(Repair(argv=("false",), starts_engine=True), said.append)
    assert said == []
