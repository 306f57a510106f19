"""A run from its cells to its exit code: stored, driven, shown and written.

In: planned cells, or the name of a run that is to go on. Out: the grid on a console, rows in the
store, ``run.json`` and ``junit.xml``, and what to exit with, however the end came.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import harness
from harness.app.pytest_driver import (
    LOG,
    PYTEST_DONE,
    Ending,
    RunOptions,
    drive,
    prepare_out,
    pytest_words,
    write_cells,
)
from harness.core.cells import Cell, Outcome
from harness.core.errors import EngineError, ExitCode, UsageError
from harness.core.passport import Passport
from harness.host.engine.docker import connect
from harness.host.process import TAIL_LINES
from harness.report.console import Console, say
from harness.report.junit import junit_xml
from harness.report.progress import RunState
from harness.report.terminal import format_deviations, format_phases, format_reused, print_grid
from harness.report.untrusted import visible
from harness.results.grid import Grid, build_grid, exit_code
from harness.results.query import Query, planned_facts, seen_facts
from harness.results.runfile import Circumstances, Run, record_run, write_run, write_whole
from harness.store import default_store, open_store
from harness.store.recorder import Recorder
from harness.store.run_lock import hold_run

Conclude = Callable[[Grid], ExitCode]
"""What makes an exit code of a finished grid; what it has to say, it prints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """The shard of a run that is run here."""

    name: str
    """``K/N``."""
    whole: tuple[Cell, ...]
    """The cells of all shards."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _RunInProgress:
    """One run under way."""

    state: RunState
    options: RunOptions
    console: Console
    recorder: Recorder | None
    started_at: str


def run_cells(
    cells: tuple[Cell, ...],
    options: RunOptions,
    console: Console,
    *,
    share: Share | None = None,
    conclude: Conclude = exit_code,
) -> ExitCode:
    """Run ``cells``, show, store and write what was seen, and return what ``conclude`` says.

    Raises ``EngineError`` where no engine answers, ``StoreError`` for a store that is none, and
    ``UsageError`` where the results could not be written, all before anything is run.
    """
    connect()
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    with _begun(cells, options, share, started_at) as recorder:
        prepare_out(options.out)
        course = _RunInProgress(
            state=RunState(cells),
            options=options,
            console=console,
            recorder=recorder,
            started_at=started_at,
        )
        return _run(course, conclude)


def resume_run(name: str, options: RunOptions, console: Console) -> ExitCode:
    """Run what the stored run of that name lacks, and return what to exit with.

    Raises what ``run_cells`` raises, and ``StoreError`` where there is no such run, or another
    process is still writing it.
    """
    connect()
    with contextlib.ExitStack() as held:
        opened = held.enter_context(open_store(options.store or default_store(), write=True))
        run = opened.find(name)
        held.enter_context(hold_run(opened.path, run))
        cells = opened.cells(run)
        prepare_out(options.out)
        seen = [o for o in opened.observations(run) if o.outcome is not Outcome.MISS]
        course = _RunInProgress(
            state=RunState(cells, seen),
            options=options,
            console=console,
            recorder=Recorder(opened, run),
            started_at=run.started_at,
        )
        say(f"run {run.id}: {course.state.done} of {len(cells)} cells are there", console)
        return _run(course, exit_code)


def run_again(cells: tuple[Cell, ...], run_id: str, options: RunOptions, console: Console) -> Grid:
    """Run ``cells`` once more, afresh, and return what was seen.

    It is added to the stored run of that id; an empty one stores nothing. Raises ``EngineError``,
    and ``KeyboardInterrupt`` when interrupted.
    """
    connect()
    prepare_out(options.out)
    with contextlib.ExitStack() as opened:
        recorder = None
        if run_id:
            store = opened.enter_context(open_store(options.store or default_store(), write=True))
            run = store.find(run_id)
            opened.enter_context(hold_run(store.path, run))
            recorder = Recorder(store, run)
        course = _RunInProgress(
            state=RunState(cells),
            options=replace(options, fresh=True),
            console=console,
            recorder=recorder,
            started_at="",
        )
        ending = _driven(course)
    if ending.interrupted:
        raise KeyboardInterrupt
    if ending.status not in PYTEST_DONE:
        raise EngineError(_broken(ending, options.out / LOG))
    return course.state.grid


def choose_cells(cells: tuple[Cell, ...], query: Query, store: Path | None) -> tuple[Cell, ...]:
    """Return the cells that meet ``query``; what was seen of them, the last stored run says.

    Of none, none is left. Raises ``UsageError`` where none of them meets it and ``StoreError``
    where no run is stored.
    """
    if not (query.terms and cells):
        return cells
    facts = {cell.id: planned_facts(cell) for cell in cells}
    if query.asks_what_was_seen:
        with open_store(store or default_store()) as opened:
            last = opened.observations(opened.find("last"), logs=False)
        facts = {c.cell.id: seen_facts(c) for c in build_grid(cells, last).cells}
    chosen = tuple(cell for cell in cells if query.matches(facts[cell.id]))
    if not chosen:
        raise UsageError(f"no cell is selected: of {len(cells)} cells none meets the query")
    return chosen


@contextlib.contextmanager
def _begun(
    cells: tuple[Cell, ...], options: RunOptions, share: Share | None, started_at: str
) -> Iterator[Recorder | None]:
    if options.store is None:
        yield None
        return
    with open_store(options.store, write=True) as store:
        run = store.begin(
            cells,
            label=options.label,
            shard=share.name if share else "",
            whole=share.whole if share else None,
            started_at=started_at,
        )
        with hold_run(store.path, run):
            yield Recorder(store, run)


def _run(course: _RunInProgress, conclude: Conclude) -> ExitCode:
    start = time.monotonic()
    ending = _driven(course)
    grid = course.state.grid
    circumstances = Circumstances(
        harness=harness.__version__,
        command=course.options.command,
        started_at=course.started_at,
        seconds=round(time.monotonic() - start, 1),
        workers=course.options.workers,
        phases={phase: round(spent, 1) for phase, spent in course.state.phases.items()},
        interrupted=ending.interrupted,
    )
    print_grid(grid, course.console, interrupted=ending.interrupted)
    say(format_phases(circumstances), course.console)
    for told in filter(None, (format_reused(grid), format_deviations(grid))):
        say(told, course.console)
    code = ExitCode.INTERRUPTED if ending.interrupted else conclude(grid)
    if course.recorder:
        course.recorder.end(circumstances, code)
    run = replace(record_run(grid, circumstances, _passports(course)), exit_code=code)
    _write(run, course.options.out)
    return _conclude(course, ending, code)


def _passports(course: _RunInProgress) -> dict[str, Passport]:
    """Return those that this run measured, and those of results that it has from before."""
    seen = [cell.observation for cell in course.state.grid.cells if cell.observation]
    known = course.state.passports
    before = {each.provenance.passport_id for each in seen} - known.keys()
    return known | (course.recorder.passports(before) if course.recorder else {})


def _driven(course: _RunInProgress) -> Ending:
    todo = course.state.left
    if not todo:
        return Ending(status=0, interrupted=False)
    out, recorder = course.options.out, course.recorder
    words = pytest_words(course.options, write_cells(out, todo))
    if recorder is None:
        return drive(words, course.state, out, course.console)
    return drive(words, course.state, out, course.console, tell=recorder.take)


def _write(run: Run, out: Path) -> None:
    write_run(out / "run.json", run)
    xml = junit_xml(run.grid, timestamp=run.circumstances.started_at)
    write_whole(out / "junit.xml", xml.encode())


def _conclude(course: _RunInProgress, ending: Ending, code: ExitCode) -> ExitCode:
    """Reap what an interruption left, say where things are, and return what to exit with."""
    _say_where(course)
    if ending.interrupted:
        with contextlib.suppress(EngineError):
            connect().reap()
        return code
    if ending.status not in PYTEST_DONE:
        raise EngineError(_broken(ending, course.options.out / LOG))
    unstored = course.recorder is not None and course.recorder.error is not None
    return code or (ExitCode.NOTHING_CAN_BE_SAID if unstored else ExitCode.AS_EXPECTED)


def _broken(ending: Ending, log: Path) -> str:
    tail = log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:]
    return (
        f"pytest broke (status {ending.status}); all it said is in {log}, at its end:\n"
        + "\n".join(map(visible, tail))
    )


def _say_where(course: _RunInProgress) -> None:
    out, recorder = course.options.out, course.recorder
    written = [out / "run.json", out / "junit.xml"]
    if course.state.left:
        written.append(out / LOG)
    say(f"written: {', '.join(map(str, written))}", course.console)
    if recorder and recorder.error:
        say(f"not all is stored: {recorder.error}", course.console)
    elif recorder:
        say(f"stored: run {recorder.run.id}", course.console)
