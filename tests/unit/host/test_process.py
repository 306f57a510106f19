"""Processes: their output, and that none outlives its parent."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.host.process import ProcessError, start_process


def test_output_goes_to_the_file(tmp_path: Path) -> None:
    """The file has both streams, and the status is the program's."""
    output = tmp_path / "log"
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    with start_process([sys.executable, "-uc", code], output=output) as running:
        while (status := running.status()) is None:
            time.sleep(0.01)
    assert status == 3
    assert output.read_text().split() == ["out", "err"]


def test_interrupt_sends_sigint(tmp_path: Path) -> None:
    """The program ends as by Ctrl-C."""
    output = tmp_path / "log"
    with start_process(["sleep", "60"], output=output) as running:
        running.interrupt()
        while (status := running.status()) is None:
            time.sleep(0.01)
    assert status == -signal.SIGINT


def test_process_group_is_killed_with_the_context(tmp_path: Path) -> None:
    """The program's children are killed too."""
    output = tmp_path / "log"
    with start_process(["sh", "-c", "sleep 60 & echo $!; wait"], output=output):
        while not (pid := output.read_text().strip()):
            time.sleep(0.01)
    # A killed process may take some time to end.
    deadline = time.monotonic() + 5
    while _runs(Path("/proc", pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(Path("/proc", pid))


def test_missing_program_is_a_process_error(tmp_path: Path) -> None:
    """The message has the program and the reason."""
    with (
        pytest.raises(ProcessError, match="/no/such: No such file or directory"),
        start_process(["/no/such"], output=tmp_path / "log"),
    ):
        pass


_CALLER = """
import sys, time
from pathlib import Path
from harness.host.process import start_process
code = "import os, time; from harness.host.process import end_with_parent; end_with_parent();"
code += " print(os.getpid(), flush=True); time.sleep(60)"
with start_process([sys.executable, "-c", code], output=Path(sys.argv[1])):
    time.sleep(60)
"""


def test_process_ends_with_its_killed_caller(tmp_path: Path) -> None:
    """After ``kill -9`` of the caller the process ends."""
    output = tmp_path / "log"
    with subprocess.Popen([sys.executable, "-c", _CALLER, str(output)]) as caller:
        deadline = time.monotonic() + 30
        while not (output.exists() and output.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        started = Path("/proc", output.read_text().strip())
        assert started.exists()
        caller.kill()
    deadline = time.monotonic() + 10
    while _runs(started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(started)


def _runs(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
