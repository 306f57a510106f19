"""Commands with an engine on terminals with little ability, and into a closed pipe."""

import shlex
from pathlib import Path

import pytest

from harness.host.process import run_process
from harness.images.debian_root import native_arch
from tests.support.commands import HARNESS
from tests.support.terminal import TERMINALS, assert_fits, on_terminal
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

HERE = ("--images", "assembled", "--target", "debian-12", "--arch", native_arch().name)
HOSTILE = "raise ImportError('\\x1b[31m\\u65e5\\u672c\\udcff\\x9b31m ::error::x ' * 30)"


@pytest.mark.parametrize("terminal", TERMINALS)
def test_terminal_shows_the_command(terminal: str, tmp_path: Path) -> None:
    """The exit code is that of any terminal; what a wheel prints reaches none."""
    env, columns = TERMINALS[terminal]
    wheels = [make_wheel(tmp_path, "good", ""), make_wheel(tmp_path, "bad", HOSTILE)]
    files = ("--store", tmp_path / "store.db", "--out", tmp_path / "out")
    for words, status in (
        (("check", *wheels, "--no-deps", *HERE, *files), 1),
        (("run", *HERE, "--subject", "pure", *files), 0),
        (("doctor",), 0),
    ):
        ended, said = on_terminal(*words, env=env, columns=columns)
        assert ended == status, said.decode(errors="replace")
        assert_fits(terminal, said)
        assert b"\x1b[31m\xe6" not in said


@pytest.mark.parametrize("command", ["check", "run", "doctor"])
def test_closed_pipe(command: str, tmp_path: Path) -> None:
    """As of ``| head -1``: no traceback."""
    files = ("--store", tmp_path / "store.db", "--out", tmp_path / "out")
    words = {
        "check": ("check", make_wheel(tmp_path, "good", ""), "--no-deps", *HERE, *files),
        "run": ("run", *HERE, "--subject", "pure", *files),
        "doctor": ("doctor",),
    }[command]
    line = shlex.join(map(str, (*HARNESS, *words)))
    script = f"{{ {line}; echo status $? >&2; }} | head -1"
    said = run_process(["sh", "-c", script], timeout=300, merge=True).decode()
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert said.strip().endswith(("status 141", "status 0")), said
