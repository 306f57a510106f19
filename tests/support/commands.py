"""Run command lines in separate processes."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HARNESS = (sys.executable, "-m", "harness")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A finished command."""

    status: int
    out: str
    err: str
    seconds: float

    @property
    def said(self) -> str:
        """Its output on both streams."""
        return self.out + self.err


def wheelgrid(*words: object, env: Mapping[str, str] | None = None, timeout: float = 120) -> Ended:
    """Run ``wheelgrid`` to its end; ``env`` is added to the environment."""
    return run_command(*HARNESS, *words, env=env, timeout=timeout)


def run_command(
    *words: object, env: Mapping[str, str] | None = None, timeout: float = 120
) -> Ended:
    """Run a command in the checkout with a terminal width of 160."""
    return run_to_end(words, cwd=ROOT, env=_environment(env or {}), timeout=timeout)


def run_to_end(words: Sequence[object], **options: Any) -> Ended:  # noqa: ANN401 - of subprocess.run
    """Run a command without input and return how it ended."""
    start = time.monotonic()
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    seconds = time.monotonic() - start
    return Ended(status=done.returncode, out=done.stdout, err=done.stderr, seconds=seconds)


class Started:
    """A running ``wheelgrid`` and its processes, marked in their environment."""

    def __init__(self, process: "subprocess.Popen[str]", mark: str) -> None:
        self.process = process
        self._mark = mark.encode()

    def pids(self) -> set[int]:
        """Return the living processes of this run."""
        found = set()
        for file in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if self._mark in file.read_bytes():
                    found.add(int(file.parent.name))
        return found

    def interrupt(self) -> None:
        """Send SIGINT, as a terminal does on Ctrl-C; nothing if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        """Kill all its processes without cleanup."""
        for pid in self.pids():
            self.kill_one(pid)

    def kill_one(self, pid: int) -> None:
        """Kill one of its processes without cleanup."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def wait(self, timeout: float) -> Ended:
        """Wait for its end."""
        start = time.monotonic()
        out, err = self.process.communicate(timeout=timeout)
        seconds = time.monotonic() - start
        return Ended(status=self.process.returncode, out=out, err=err, seconds=seconds)


@contextlib.contextmanager
def started_wheelgrid(*words: object, env: Mapping[str, str] | None = None) -> Iterator[Started]:
    """Start ``wheelgrid``; kill all its processes at the end of the context."""
    mark = f"wheelgrid-test-{os.getpid()}-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [*HARNESS, *(str(word) for word in words)],
        cwd=ROOT,
        env=_environment({**(env or {}), "WHEELGRID_TEST_MARK": mark}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started = Started(process, mark)
    try:
        yield started
    finally:
        started.kill()
        process.communicate()


def wait_until(true: Callable[[], object], *, seconds: float) -> None:
    """Wait until ``true()`` holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    # A pytest that the command starts must not see these variables.
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    return {**own, "COLUMNS": "160", **more}


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
