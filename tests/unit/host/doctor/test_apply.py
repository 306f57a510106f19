"""Running repairs: commands are announced, their output is shown, failures are reported."""

import re

import pytest

from harness.core.errors import EngineError
from harness.host.doctor.fix import Repair, _apply
from harness.host.process import ProcessError, show_process


def test_command_is_announced_as_a_shell_line(capfd: pytest.CaptureFixture[str]) -> None:
    """The line precedes its output, which goes to standard error."""
    said: list[str] = []
    _apply(Repair(argv=("sh", "-c", "echo done it")), said.append)
    assert said == ["$ sh -c 'echo done it'"]
    assert capfd.readouterr() == ("", "done it\n")


def test_failed_repair_is_reported_with_its_status() -> None:
    """The message has the command, so that the user can run it."""
    expected = "sh -c 'exit 100': exit status 100; see its output above"
    with pytest.raises(EngineError, match=f"^{re.escape(expected)}$"):
        _apply(Repair(argv=("sh", "-c", "exit 100")), lambda _line: None)


def test_hanging_repair_is_killed() -> None:
    """Its children are killed too."""
    with pytest.raises(ProcessError, match="took longer than 0 s"):
        show_process(["sh", "-c", "sleep 60 & wait"], timeout=0.1)


def test_missing_program_is_an_engine_error() -> None:
    """There is no traceback."""
    with pytest.raises(ProcessError, match="no-such-program: No such file or directory"):
        show_process(["no-such-program"], timeout=1)


def test_engine_that_answers_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its installation may have started it."""
    monkeypatch.setattr("harness.host.doctor.fix._engine_answers", lambda: True)
    said: list[str] = []
    _apply(Repair(argv=("false",), starts_engine=True), said.append)
    assert said == []
