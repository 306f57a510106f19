"""Run a command on a terminal of its own."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping

from tests.support.commands import HARNESS, ROOT


def on_terminal(
    *words: object, env: Mapping[str, str], columns: int = 80, timeout: float = 300
) -> tuple[int, bytes]:
    """Run ``wheelgrid`` on a terminal of so many columns; return its status and its output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
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
