"""A Dask scheduler and workers as processes on loopback."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

from harness.app.cluster_link import scheduler_identity
from harness.core.errors import ClusterError
from tests.support.commands import ROOT, Started, started_wheelgrid, wait_until

START_SECONDS = 60


@contextlib.contextmanager
def scheduler(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a scheduler on that port of loopback, killed at the end; it has no dashboard."""
    words = ("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
    process = subprocess.Popen(
        [sys.executable, *words, "--no-dashboard", "--no-show"],
        cwd="/",  # a scheduler needs nothing of this program
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(address(port)), seconds=START_SECONDS)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def address(port: int) -> str:
    """Return the address of the scheduler on that port."""
    return f"tcp://127.0.0.1:{port}"


def answers(where: str) -> bool:
    """Whether a scheduler answers there."""
    try:
        scheduler_identity(where)
    except ClusterError:
        return False
    return True


def worker_count(where: str) -> int:
    """Return the number of workers that the scheduler has."""
    return len(scheduler_identity(where)["workers"])


def started_worker(
    where: str, env: Mapping[str, str] | None = None, *options: object
) -> AbstractContextManager[Started]:
    """Start `wheelgrid worker` with one process of Dask; all its processes end with the context."""
    own = {"PYTHONPATH": str(ROOT), **(env or {})}
    return started_wheelgrid("worker", where, "-n", 1, *options, env=own)
