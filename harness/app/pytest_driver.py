"""Run cells with pytest in a separate process, and follow its journal.

pytest is the only runner. This side reads the journal, passes the events on and shows progress.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import harness
from harness.app.prober_options import ProberOptions, options_word
from harness.core.cells import Cell
from harness.core.errors import UsageError
from harness.host.process import start_process
from harness.matrix.cell_list import dump_cells
from harness.probe.journal import NAME as JOURNAL_NAME
from harness.probe.journal import read_events
from harness.report.console import Console, say
from harness.report.progress import open_view
from harness.results.run_state import RunState
from harness.results.runfile import write_whole

TICK = 0.25
"""Seconds between two reads of the journal."""
GRACE = 20.0
"""Seconds for pytest to close its containers after Ctrl-C."""
LOG = "pytest.log"
CELLS = "cells.json"
RESULTS_BYTES = 1 << 20
"""Size of the files of a run with some hundred cells."""
PYTEST_DONE = (0, 1)
"""Exit statuses of a complete run: all tests passed, or some failed."""

Events = list[dict[str, Any]]
_TESTS = Path(harness.__file__).with_name("test_matrix.py")
_ALONE = ("env", "-u", "PYTEST_ADDOPTS", "-u", "PYTEST_PLUGINS", "PYTHONSAFEPATH=1")
"""The working directory is a user's project: pytest takes no option and no module from there."""
_OWN_SETTINGS = (
    *("-c", os.devnull, f"--rootdir={_TESTS.parents[1]}", f"--confcutdir={_TESTS.parent}"),
    *("--import-mode=append", "--assert=plain"),  # assertion rewriting writes into the package
    *("--disable-plugin-autoload", "-p", "xdist.plugin", "-p", "no:cacheprovider"),
)
"""No settings and no conftest above the package count: it may be in the `.venv` of a project."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """The options of a run."""

    prober: ProberOptions
    out: Path
    workers: int
    """Targets probed at a time; 0 lets the engines decide, see ``executors``."""
    command: tuple[str, ...] = ()
    store: Path | None = None
    """The store that keeps the run; None keeps nothing."""
    remeasure: bool = False
    """Do not reuse stored results."""
    label: str = ""
    on: str = ""
    """Address of a Dask scheduler, or ``local:N``; empty for this machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PytestEnd:
    """How pytest ended."""

    status: int
    interrupted: bool


def prepare_out(out: Path) -> None:
    """Make the directory ``out`` and remove an earlier run's files. Raises ``UsageError``."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (JOURNAL_NAME, "run.json", "junit.xml", LOG):
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
    """Write the cells to a file for pytest. Raises ``RunFileError``."""
    path = out / CELLS
    write_whole(path, dump_cells(cells))
    return path


def pytest_words(options: RunOptions, cells: Path) -> list[str]:
    """Return the command line that runs the cells in that file with pytest."""
    words = [*_ALONE, sys.executable, "-m", "pytest", str(_TESTS), *_OWN_SETTINGS]
    words += ["-n", str(options.workers), "--no-loadscope-reorder", "-q"]
    words += [f"--wheelgrid-out={options.out}", f"--wheelgrid-cells={cells}"]
    words += [f"--wheelgrid-options={options_word(options.prober)}"]
    if options.store is not None and not options.remeasure:
        words += [f"--wheelgrid-store={options.store}"]
    return words


class Runner(Protocol):
    """What runs the cells: a process, or the tasks of a cluster."""

    def status(self) -> int | None: ...

    def interrupt(self) -> None: ...


def pytest_process(options: RunOptions, cells: Path) -> AbstractContextManager[Runner]:
    """Return the context of a pytest that runs the cells in that file."""
    return start_process(pytest_words(options, cells), output=options.out / LOG)


def drive(
    runner: AbstractContextManager[Runner],
    state: RunState,
    out: Path,
    console: Console,
    *,
    record: Callable[[Events], None] = lambda _: None,
    offset: int = 0,
) -> PytestEnd:
    """Follow the journal in ``out`` that ``runner`` writes, until it ends.

    ``record`` gets every event of the journal after ``offset`` once, in order. After the first
    Ctrl-C, the runner has ``GRACE`` seconds to close its containers; the second Ctrl-C does not
    wait.
    """
    journal = out / JOURNAL_NAME
    with runner as started, open_view(console) as view:

        def take(events: Events, elapsed: float) -> None:
            state.take(events)
            record(events)
            view.show(state, elapsed)

        follower = _Follower(started, journal, take, offset)
        try:
            return PytestEnd(status=follower.follow(), interrupted=False)
        except KeyboardInterrupt:
            say("interrupted: closing the containers; Ctrl-C again does not wait", console)
            started.interrupt()
            return PytestEnd(status=follower.follow_to_the_end(), interrupted=True)
        finally:
            if damaged := follower.damaged:
                say(
                    f"{journal}: skipped lines of killed workers or a full disk: {damaged}", console
                )


class _Follower:
    """Reads the journal while it is written."""

    def __init__(
        self,
        runner: Runner,
        journal: Path,
        take: Callable[[Events, float], None],
        offset: int,
    ) -> None:
        self._runner = runner
        self._journal = journal
        self._take = take
        self._offset = offset
        self.damaged = 0
        """Number of damaged lines in the journal."""
        self._start = time.monotonic()

    def follow(self, *, seconds: float = float("inf")) -> int:
        """Follow until the runner ends, or for ``seconds``; return its status, -1 if it runs."""
        deadline = time.monotonic() + seconds
        while (status := self._runner.status()) is None and time.monotonic() < deadline:
            self._read_on()
            time.sleep(TICK)
        self._read_on()
        return -1 if status is None else status

    def follow_to_the_end(self) -> int:
        """Let the runner close its containers; return immediately on a second Ctrl-C."""
        try:
            return self.follow(seconds=GRACE)
        except KeyboardInterrupt:
            self._read_on()
            return -1

    def _read_on(self) -> None:
        events, self._offset = read_events(self._journal, self._offset)
        self.damaged += sum(event["event"] == "damaged" for event in events)
        self._take(events, time.monotonic() - self._start)
