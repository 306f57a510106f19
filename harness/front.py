"""The front of a run: planned cells in, pytest runs them; grid, files and exit code out.

pytest is the one runner and works in a process of its own. This side only reads its
journal, shows how it goes, and says at the end what was seen, however the end came.
"""

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter
from rich.console import Console

import harness
from harness.engine.docker import connect
from harness.errors import EngineError, ExitCode, UsageError
from harness.grid import exit_code
from harness.journal import read_events
from harness.model import Cell, Subject
from harness.plan import Selection
from harness.process import TAIL_LINES, Running, start_process
from harness.report.junit import junit_xml
from harness.report.progress import RunState, View, open_view
from harness.report.runfile import Circumstances, record_run, write_run, write_whole
from harness.report.terminal import format_phases, print_grid
from harness.report.untrusted import visible

TICK = 0.25
"""Seconds between two looks at the journal."""
GRACE = 20.0
"""Seconds that pytest gets to close its containers after a Ctrl-C."""
LOG = "pytest.log"
JOURNAL = "journal.jsonl"
RESULTS_BYTES = 1 << 20
"""What the files of a run of some hundred cells take."""
PYTEST_DONE = (0, 1)
"""Exit statuses that only say whether all tests passed."""

_SUBJECTS: TypeAdapter[tuple[Subject, ...]] = TypeAdapter(tuple[Subject, ...])
_TESTS = Path(harness.__file__).with_name("test_matrix.py")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """What the command line says about a run."""

    matrix: Path
    selection: Selection = field(default_factory=Selection)
    subjects: Path | None = None
    """A file of further subjects, see ``wheelgrid check``."""
    out: Path
    workers: int
    images: str = "auto"
    """None: the first way that works."""
    registry: str = ""
    timeout: float
    """Seconds for one stage of a cell."""
    command: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How pytest ended."""

    status: int
    interrupted: bool


def run_cells(cells: tuple[Cell, ...], options: RunOptions, console: Console) -> ExitCode:
    """Run ``cells``, show and write what was seen, and return what to exit with.

    Raises ``EngineError`` where no engine answers and ``UsageError`` where the results
    could not be written, both before anything is run.
    """
    connect()
    prepare_out(options.out)
    started_at, start = datetime.now(UTC), time.monotonic()
    state = RunState(cells)
    ending = drive(pytest_words(options), state, options.out, console)
    circumstances = Circumstances(
        harness=harness.__version__,
        command=options.command,
        started_at=started_at.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - start, 1),
        workers=options.workers,
        phases={phase: round(spent, 1) for phase, spent in state.phases.items()},
        interrupted=ending.interrupted,
    )
    print_grid(state.grid, console, interrupted=ending.interrupted)
    _say(console, format_phases(circumstances))
    _write(state, circumstances, options.out)
    return _conclude(state, ending, options.out, console)


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


def write_subjects(out: Path, subjects: tuple[Subject, ...]) -> Path:
    """Write subjects that are in no matrix, for pytest to read. Raises ``UsageError``."""
    prepare_out(out)
    path = out / "subjects.json"
    write_whole(path, _SUBJECTS.dump_json(subjects, indent=1))
    return path


def pytest_words(options: RunOptions) -> list[str]:
    """Return the command line of the pytest that runs the cells."""
    selection = options.selection
    words = [sys.executable, "-m", "pytest", str(_TESTS), f"--rootdir={_TESTS.parent.parent}"]
    words += ["-n", str(options.workers), "--no-loadscope-reorder", "-p", "no:cacheprovider", "-q"]
    words += [f"--wheelgrid-out={options.out}", f"--wheelgrid-matrix={options.matrix}"]
    words += [f"--images={options.images}", f"--cell-timeout={options.timeout}"]
    for option, value in (
        ("--registry", options.registry),
        ("--wheelgrid-subjects", options.subjects),
        ("--profile", selection.profile),
        ("-k", selection.keyword),
    ):
        words += [option, str(value)] if value else []
    for option, globs in (
        ("--target", selection.targets),
        ("--arch", selection.arches),
        ("--subject", selection.subjects),
    ):
        words += [f"{option}={glob}" for glob in globs]
    return words


def drive(words: Sequence[str], state: RunState, out: Path, console: Console) -> Ending:
    """Run pytest as ``words`` say, its output to ``out``, and take in its journal as it grows.

    The first Ctrl-C lets it close its containers for ``GRACE`` seconds; the second does
    not wait.
    """
    log, journal = out / LOG, out / JOURNAL
    with start_process(words, output=log) as pytest, open_view(console) as view:
        follower = _Follower(pytest, journal, state, view)
        try:
            return Ending(status=follower.follow(), interrupted=False)
        except KeyboardInterrupt:
            _say(console, "interrupted: closing the containers; Ctrl-C again does not wait")
            pytest.interrupt()
            return Ending(status=follower.follow_a_last_time(), interrupted=True)


class _Follower:
    """Takes the journal in while pytest writes it."""

    def __init__(self, pytest: Running, journal: Path, state: RunState, view: View) -> None:
        self._pytest = pytest
        self._journal = journal
        self._state = state
        self._view = view
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
        self._state.take(events)
        self._view.show(self._state, time.monotonic() - self._start)


def _write(state: RunState, circumstances: Circumstances, out: Path) -> None:
    write_run(out / "run.json", record_run(state.grid, circumstances))
    xml = junit_xml(state.grid, timestamp=circumstances.started_at)
    write_whole(out / "junit.xml", xml.encode())


def _conclude(state: RunState, ending: Ending, out: Path, console: Console) -> ExitCode:
    """Reap what an interruption left, say where things are, and choose the exit code."""
    if ending.interrupted:
        with contextlib.suppress(EngineError):
            connect().reap()
        return ExitCode.INTERRUPTED
    log = out / LOG
    if ending.status not in PYTEST_DONE:
        tail = log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:]
        raise EngineError(
            f"pytest broke (status {ending.status}); all it said is in {log}, at its end:\n"
            + "\n".join(map(visible, tail))
        )
    written = [out / "run.json", out / "junit.xml"]
    if state.done < len(state.cells):
        written.append(log)
    _say(console, f"written: {', '.join(map(str, written))}")
    return exit_code(state.grid)


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
