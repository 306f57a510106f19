"""Processes that are started, looked at and never outlive their starter."""

import signal
import sys
import time
from pathlib import Path

import pytest

from harness.process import ProcessError, run_process, start_process


def test_output_and_status(tmp_path: Path) -> None:
    """Both streams go to the file, and the status is that of the program."""
    output = tmp_path / "log"
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    with start_process([sys.executable, "-uc", code], output=output) as running:
        while (status := running.status()) is None:
            time.sleep(0.01)
    assert status == 3
    assert output.read_text().split() == ["out", "err"]


def test_an_interrupt_reaches_the_program(tmp_path: Path) -> None:
    """An interrupted program ends as by Ctrl-C."""
    output = tmp_path / "log"
    with start_process(["sleep", "60"], output=output) as running:
        running.interrupt()
        while (status := running.status()) is None:
            time.sleep(0.01)
    assert status == -signal.SIGINT


def test_nothing_outlives_the_context(tmp_path: Path) -> None:
    """The program and what it started are gone when the context ends."""
    output = tmp_path / "log"
    with start_process(["sh", "-c", "sleep 60 & echo $!; wait"], output=output):
        while not (pid := output.read_text().strip()):
            time.sleep(0.01)
    with pytest.raises(ProcessError):
        run_process(
            ["sh", "-c", f"test -d /proc/{pid} && ! grep -q 'Z' /proc/{pid}/stat"], timeout=5
        )


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """A program that does not start is a sentence."""
    with (
        pytest.raises(ProcessError, match="/no/such: No such file or directory"),
        start_process(["/no/such"], output=tmp_path / "log"),
    ):
        pass
