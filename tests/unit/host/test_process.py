"""Processes: their output, and that none outlives its parent."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.host.process import ProcessError, start_process
from tests.support.commands import wait_until


def test_output_goes_to_the_file(tmp_path: Path) -> None:
    """The file has both streams, and the status is the program's."""
    output = tmp_path / "log"
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    with start_process([sys.executable, "-uc", code], output=output) as running:
        wait_until(lambda: running.status() is not None, seconds=30)
        assert running.status() == 3
    assert output.read_text().split() == ["out", "err"]


def test_interrupt_sends_sigint(tmp_path: Path) -> None:
    """The program ends as by Ctrl-C."""
    output = tmp_path / "log"
    with start_process(["sleep", "60"], output=output) as running:
        running.interrupt()
        wait_until(lambda: running.status() is not None, seconds=30)
        assert running.status() == -signal.SIGINT


def test_process_group_is_killed_with_the_context(tmp_path: Path) -> None:
    """The program's children are killed too."""
    output = tmp_path / "log"
    with start_process(["sh", "-c", "sleep 60 & echo $!; wait"], output=output):
        wait_until(output.read_text, seconds=30)
    wait_until(lambda: not _runs(output), seconds=5)


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
        wait_until(lambda: output.exists() and output.read_text(), seconds=30)
        assert _runs(output)
        caller.kill()
    wait_until(lambda: not _runs(output), seconds=10)


def _runs(output: Path) -> bool:
    """Return whether the process that wrote its id to ``output`` lives."""
    try:
        stat = Path("/proc", output.read_text().strip(), "stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
