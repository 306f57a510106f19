"""Commands without an engine on terminals with little ability, and into a closed pipe."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from harness.core.cells import Outcome
from harness.host.process import run_process
from harness.results.runfile import Circumstances, record_run, write_run
from tests.support.cells import cells, grid, saw
from tests.support.terminal import TERMINALS, assert_fits, on_terminal
from tests.support.wheels import make_wheel

HOW = Circumstances(
    harness="1", command=("run",), started_at="2026-01-01T00:00:00+00:00", seconds=1, workers=2
)


@pytest.fixture
def commands(tmp_path: Path) -> dict[str, tuple[tuple[str, ...], int]]:
    """Return command lines and their exit codes; what they show is not ASCII."""
    (tmp_path / "wheels").mkdir()
    wheel = make_wheel(tmp_path / "wheels", "demo", "", files={"demo/b\u00e9ta.py": ""})
    (cell,) = cells(1)
    seen = saw(cell, Outcome.IMPORT_FAILED, "no \u65e5\u672c \x1b[31m \u2026 " * 20)
    write_run(tmp_path / "run.json", record_run(grid((cell, seen)), HOW))
    return {
        "predict": (("predict", str(wheel), "--target", "debian-*", "--no-deps"), 0),
        "explain": (("explain", cell.id, "--run", str(tmp_path / "run.json")), 0),
        "plan": (("plan", "--profile", "smoke"), 0),
        "error": (("plan", "--target", "\u65e5\u672c"), 2),
    }


@pytest.mark.parametrize("command", ["predict", "explain", "plan", "error"])
@pytest.mark.parametrize("terminal", TERMINALS)
def test_terminal_shows_the_command(
    commands: dict[str, tuple[tuple[str, ...], int]], command: str, terminal: str
) -> None:
    words, status = commands[command]
    env, columns = TERMINALS[terminal]
    ended, said = on_terminal(*words, env=env, columns=columns)
    assert ended == status, said
    assert_fits(terminal, said)


@pytest.mark.parametrize("command", ["predict", "explain", "plan"])
def test_closed_pipe(commands: dict[str, tuple[tuple[str, ...], int]], command: str) -> None:
    """As of ``| head -1``: nothing is said about it."""
    words, _ = commands[command]
    line = shlex.join([sys.executable, "-m", "harness", *words])
    script = f"{{ {line}; echo status $? >&2; }} | head -1"
    said = run_process(["sh", "-c", script], timeout=60, merge=True).decode()
    assert re.search(r"status (141|0)$", said.strip()), said
    assert len(said.strip().splitlines()) == 2, said
