"""The way to pytest: planned cells in, pytest runs them; its journal as it grows out.

pytest is the one runner and works in a process of its own. This side only reads its
journal, tells it to whoever asks, and shows how it goes.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import harness
from harness.core.cells import Cell
from harness.core.errors import UsageError
from harness.host.process import RunningProcess, start_process
from harness.matrix.cell_list import dump_cells
from harness.probe.journal import read_events
from harness.probe.result_keys import DEFAULT_LIMITS, ProbeLimits
from harness.report.console import Console, say
from harness.report.progress import RunState, View, open_view
from harness.results.runfile import write_whole

TICK = 0.25
"""Seconds between two looks at the journal."""
GRACE = 20.0
"""Seconds that pytest gets to close its containers after a Ctrl-C."""
LOG = "pytest.log"
CELLS = "cells.json"
JOURNAL = "journal.jsonl"
RESULTS_BYTES = 1 << 20
"""What the files of a run of some hundred cells take."""
PYTEST_DONE = (0, 1)
"""Exit statuses that only say whether all tests passed."""

Events = list[dict[str, Any]]
_TESTS = Path(harness.__file__).with_name("test_matrix.py")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """What the command line says about a run."""

    matrix: Path
    out: Path
    workers: int
    images: str = "auto"
    """None: the first way that works."""
    registry: str = ""
    limits: ProbeLimits = DEFAULT_LIMITS
    require_hardening: bool = False
    """Miss the cells of a target on which the engine does not enforce all of the hardening."""
    command: tuple[str, ...] = ()
    store: Path | None = None
    """Where the run is kept; None: nowhere."""
    fresh: bool = False
    """Measure anew what the store knows."""
    label: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How pytest ended."""

    status: int
    interrupted: bool


def prepare_out(out: Path) -> None:
    """Make the directory ``out`` and take away what an earlier run left unfinished there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (JOURNAL, "run.json", "junit.xml"):
            (out / name).unlink(missing_ok=True)
        probe = out / f".writable.{os.getpid()}"
        try:
            probe.write_bytes(bytes(RESULTS_BYTES))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"{out}: cannot be written: {error.strerror}; choose another directory with --out"
        ) from error


def write_cells(out: Path, cells: Sequence[Cell]) -> Path:
    """Write the cells down for pytest to read. Raises ``RunFileError``."""
    path = out / CELLS
    write_whole(path, dump_cells(cells))
    return path


def pytest_words(options: RunOptions, cells: Path) -> list[str]:
    """Return the command line of the pytest that runs the cells in that file."""
    words = [sys.executable, "-m", "pytest", str(_TESTS), f"--rootdir={_TESTS.parent.parent}"]
    words += ["-n", str(options.workers), "--no-loadscope-reorder", "-p", "no:cacheprovider", "-q"]
    words += [f"--wheelgrid-out={options.out}", f"--wheelgrid-matrix={options.matrix}"]
    words += [f"--wheelgrid-cells={cells}"]
    limits, container = options.limits, options.limits.container
    words += [f"--images={options.images}", f"--cell-timeout={limits.timeout}"]
    words += [f"--cell-memory={container.memory >> 20}", f"--cell-disk={container.tmpfs >> 20}"]
    words += [f"--registry={options.registry}"] if options.registry else []
    words += ["--own-pip"] if limits.own_pip else []
    words += ["--require-hardening"] if options.require_hardening else []
    if options.store is not None and not options.fresh:
        words += [f"--wheelgrid-memory={options.store}"]
    return words


def drive(
    words: Sequence[str],
    state: RunState,
    out: Path,
    console: Console,
    *,
    tell: Callable[[Events], None] = lambda _: None,
) -> Ending:
    """Run pytest as ``words`` say, its output to ``out``, and take in its journal as it grows.

    ``tell`` gets every event of the journal once, in order. The first Ctrl-C lets it close its
    containers for ``GRACE`` seconds; the second does not wait.
    """
    log, journal = out / LOG, out / JOURNAL
    with start_process(words, output=log) as pytest, open_view(console) as view:
        follower = _Follower(pytest, journal, partial(_take, state, view, tell))
        try:
            return Ending(status=follower.follow(), interrupted=False)
        except KeyboardInterrupt:
            say("interrupted: closing the containers; Ctrl-C again does not wait", console)
            pytest.interrupt()
            return Ending(status=follower.follow_a_last_time(), interrupted=True)


def _take(
    state: RunState, view: View, tell: Callable[[Events], None], events: Events, elapsed: float
) -> None:
    state.take(events)
    tell(events)
    view.show(state, elapsed)


class _Follower:
    """Takes the journal in while pytest writes it."""

    def __init__(
        self, pytest: RunningProcess, journal: Path, take: Callable[[Events, float], None]
    ) -> None:
        self._pytest = pytest
        self._journal = journal
        self._take = take
        self._offset = 0
        self._start = time.monotonic()

    def follow(self, *, seconds: float = float("inf")) -> int:
        """Follow until pytest ends, or for ``seconds``; return its status, -1 if it still runs."""
        deadline = time.monotonic() + seconds
        while (status := self._pytest.status()) is None and time.monotonic() < deadline:
            self._look()
            time.sleep(TICK)
        self._look()
        return -1 if status is None else status

    def follow_a_last_time(self) -> int:
        """Let pytest close its containers, unless a second Ctrl-C says that nobody waits."""
        try:
            return self.follow(seconds=GRACE)
        except KeyboardInterrupt:
            self._look()
            return -1

    def _look(self) -> None:
        events, self._offset = read_events(self._journal, self._offset)
        self._take(events, time.monotonic() - self._start)
