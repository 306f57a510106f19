"""Error messages and exit codes of the command line."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest

from harness.cli import commands
from harness.core.errors import BuildError, EngineError, MatrixFileError, UsageError
from harness.host.process import run_process

Run = Callable[..., Any]


def raising(error: BaseException) -> click.Command:
    def act() -> NoReturn:
        raise error

    return click.Command("boom", callback=act)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (UsageError("no cell 'x'; did you mean 'y'?"), 2, "wheelgrid: no cell 'x'; did you mean"),
        (MatrixFileError(["a.yaml:1:2: x", "b.yaml:3:4: y"]), 2, "a.yaml:1:2: x\nb.yaml:3:4: y\n"),
        (EngineError("no engine\nrun doctor"), 3, "wheelgrid: no engine\nrun doctor\n"),
        (BuildError("gcc said \x1b[2J"), 4, r"wheelgrid: gcc said \x1b[2J"),
        (KeyboardInterrupt(), 130, "wheelgrid: interrupted"),
    ],
)
def test_errors(
    wheelgrid: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, said: str
) -> None:
    """Each error is printed on standard error with its exit code, without a traceback."""
    monkeypatch.setitem(commands.commands, "boom", raising(error))
    result = wheelgrid("boom")
    assert (result.status, result.out) == (status, "")
    assert result.err.startswith(said)


def test_closed_pipe_ends_the_command_quietly(matrix: Path) -> None:
    line = f"{sys.executable} -m harness plan --json --matrix {matrix}"
    script = f"{{ {line}; echo status $? >&2; }} | true"
    said = run_process(["sh", "-c", script], timeout=60, merge=True).decode()
    assert said.strip() in ("status 141", "status 0")


def test_a_terminal_without_unicode(matrix: Path) -> None:
    """Characters that the encoding lacks are escaped or replaced."""
    said = run_process(
        [sys.executable, "-m", "harness", "plan", "--matrix", str(matrix)],
        timeout=60,
        env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    )
    assert b"6 cells of 3 targets" in said
