"""Run a command on a terminal of its own, and check what it writes there."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping

from tests.support.commands import HARNESS, ROOT

TERMINALS: dict[str, tuple[dict[str, str], int]] = {
    "dumb": ({"TERM": "dumb"}, 80),
    "without colours": ({"TERM": "xterm-256color", "NO_COLOR": "1"}, 80),
    "ASCII": (
        {"TERM": "xterm", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        80,
    ),
    "narrow": ({"TERM": "xterm-256color"}, 40),
}
"""Name → environment and columns."""
_NOT_INHERITED = ("COLUMNS", "PYTHONIOENCODING")
"""Variables that would decide what the terminal is said to be able to do; tox sets the second."""
_COLOUR = re.compile(rb"\x1b\[(?:[\d;]*;)?(?:[349][0-7]|10[0-7]|[34]8)[;m]")


def assert_fits(terminal: str, said: bytes) -> None:
    """Check that a terminal can show what was written: no traceback, no broken character."""
    text = said.decode()  # raises for broken UTF-8
    assert said
    assert "Traceback" not in text
    assert "\ufffd" not in text
    if terminal == "dumb":
        assert b"\x1b" not in said
    if terminal == "without colours":
        assert not _COLOUR.search(said)
    if terminal == "ASCII":
        assert text.isascii()


def on_terminal(
    *words: object, env: Mapping[str, str], columns: int = 80, timeout: float = 300
) -> tuple[int, bytes]:
    """Run ``wheelgrid`` on a terminal of so many columns; return its status and its output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    with subprocess.Popen(
        [*HARNESS, *map(str, words)],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT), **env},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 1 << 16):
                said += piece
        except OSError:  # EIO: every process has closed the terminal
            pass
        finally:
            os.close(ours)
        return process.wait(timeout), said
