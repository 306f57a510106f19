"""The benchmark of the command line's start, in one round."""

from pathlib import Path

import pytest

from harness.bench import startup
from tests.support.wheels import make_wheel


def test_each_command_has_a_limit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each command has a line; the exit code is 1 if one exceeds its limit."""
    wheel = make_wheel(tmp_path, "quick", "")
    monkeypatch.setattr(startup, "ROUNDS", 1)
    monkeypatch.setattr(startup, "LIMITS", {"--help": 60.0, "predict --all": 60.0})
    assert startup.main([str(wheel)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["--help", "predict --all"]
    monkeypatch.setattr(startup, "LIMITS", {"--help": 60.0, "predict --all": 0.0})
    assert startup.main([str(wheel)]) == 1
