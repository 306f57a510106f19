"""Execute runs: cells are probed by pytest; the grid is printed, stored and written.

Every command that probes cells uses ``_drive``: run, check, compare, remedy and policy.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import harness
from harness.app.conclusions import Conclude
from harness.app.engine_wiring import open_pool
from harness.app.executors import open_runner, require_executor
from harness.app.pytest_driver import (
    LOG,
    PYTEST_DONE,
    Events,
    PytestEnd,
    RunOptions,
    drive,
    prepare_out,
)
from harness.app.recall import recall_results
from harness.core.cells import Cell, Outcome
from harness.core.errors import EngineError, ExitCode, UsageError
from harness.core.observations import Observation
from harness.core.passport import Passport
from harness.host.process import TAIL_LINES
from harness.probe.journal import NAME as JOURNAL_NAME
from harness.probe.journal import Journal, read_events
from harness.report.canary_lines import format_canaries
from harness.report.console import Console, say
from harness.report.junit import junit_xml
from harness.report.run_lines import (
    format_deviations,
    format_engines,
    format_imports,
    format_phases,
    format_reused,
    format_tests,
)
from harness.report.terminal import print_grid
from harness.report.untrusted import visible
from harness.results.grid import Grid, build_grid, exit_code
from harness.results.query import Query, planned_facts, seen_facts
from harness.results.run_state import RunState
from harness.results.runfile import (
    Circumstances,
    Repeats,
    RepeatTotals,
    record_run,
    write_run,
    write_whole,
)
from harness.store import default_store, open_store
from harness.store.recorder import Recorder
from harness.store.rows import RunInfo
from harness.store.run_lock import hold_run


@dataclass(frozen=True, kw_only=True, slots=True)
class RunShard:
    """One shard of a run."""

    name: str
    """``K/N``."""
    whole: tuple[Cell, ...]
    """The cells of all shards."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _RunInProgress:
    """A run, its options and its outputs."""

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
    share: RunShard | None = None,
    conclude: Conclude = exit_code,
) -> ExitCode:
    """Run ``cells``; print, store and write their results; return the code from ``conclude``.

    Raises before the run: ``EngineError`` if no engine answers, ``StoreError`` for a damaged
    store, and ``UsageError`` if the results cannot be written or a machine is not available.
    """
    options = require_executor(cells, options, console)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    with _begin(cells, options, share, started_at) as recorder:
        prepare_out(options.out)
        run = _RunInProgress(
            state=RunState(cells),
            options=options,
            console=console,
            recorder=recorder,
            started_at=started_at,
        )
        return _run(run, conclude)


def resume_run(
    name: str, options: RunOptions, console: Console, *, conclude: Conclude = exit_code
) -> ExitCode:
    """Run the cells of a stored run that have no result yet, and return the exit code.

    Raises as ``run_cells`` does, and ``StoreError`` if the run does not exist or another process
    is still writing it.
    """
    with contextlib.ExitStack() as held:
        opened = held.enter_context(open_store(options.store or default_store(), write=True))
        stored = opened.find(name)
        held.enter_context(hold_run(opened.path, stored))
        cells = opened.cells(stored)
        options = require_executor(cells, options, console)
        recorder = Recorder(opened, stored)
        recorder.take(_unstored(options.out, stored, opened.observations(stored)))
        prepare_out(options.out)
        seen = [o for o in opened.observations(stored) if o.outcome is not Outcome.MISS]
        checks = opened.circumstances(stored).canaries
        run = _RunInProgress(
            state=RunState(cells, seen, checks),
            options=options,
            console=console,
            recorder=recorder,
            started_at=stored.started_at,
        )
        say(f"run {stored.id}: {run.state.done} of {len(cells)} cells are stored", console)
        return _run(run, conclude)


def _unstored(out: Path, run: RunInfo, stored: Iterable[Observation]) -> Events:
    """Return what the run's killed process wrote to its journal in ``out``, and did not store."""
    known = {seen.cell for seen in stored if seen.outcome is not Outcome.MISS}
    events, _ = read_events(out / JOURNAL_NAME)
    if [event["id"] for event in events if event["event"] == "run"] != [run.id]:
        return []
    return [
        event
        for event in events
        if event["event"] == "passport"
        or (event["event"] == "cell" and event["observation"].cell not in known)
    ]


def run_again(cells: tuple[Cell, ...], run_id: str, options: RunOptions, console: Console) -> Grid:
    """Run ``cells`` without reuse, add the results to the stored run, and return their grid.

    An empty id stores nothing. Raises as ``measure`` does.
    """
    options = replace(options, remeasure=True)
    if not run_id:
        return measure(cells, options, console)
    with open_store(options.store or default_store(), write=True) as store:
        run = store.find(run_id)
        with hold_run(store.path, run):
            return measure(cells, options, console, Recorder(store, run))


def measure(
    cells: tuple[Cell, ...],
    options: RunOptions,
    console: Console,
    recorder: Recorder | None = None,
) -> Grid:
    """Run ``cells`` and return their grid; only the progress is printed.

    Raises ``EngineError`` if no engine answers or pytest breaks, ``UsageError`` for a directory
    that cannot be written, and ``KeyboardInterrupt`` when interrupted.
    """
    options = require_executor(cells, options, console)
    prepare_out(options.out)
    run = _RunInProgress(
        state=RunState(cells), options=options, console=console, recorder=recorder, started_at=""
    )
    ending = _drive(run)
    if ending.interrupted:
        raise KeyboardInterrupt
    _assert_done(run, ending)
    return run.state.grid


def choose_cells(cells: tuple[Cell, ...], query: Query, store: Path | None) -> tuple[Cell, ...]:
    """Return the cells that match ``query``; its results are the latest stored one of each cell.

    Raises ``UsageError`` if none of the cells matches, and ``StoreError`` if no run is stored.
    """
    if not (query.terms and cells):
        return cells
    facts = {cell.id: planned_facts(cell) for cell in cells}
    if query.asks_what_was_seen:
        with open_store(store or default_store()) as opened:
            latest = opened.latest(facts)
        facts = {c.cell.id: seen_facts(c) for c in build_grid(cells, latest).cells}
    chosen = tuple(cell for cell in cells if query.matches(facts[cell.id]))
    if not chosen:
        raise UsageError(f"no cell is selected: none of {len(cells)} cells matches the query")
    return chosen


@contextlib.contextmanager
def _begin(
    cells: tuple[Cell, ...], options: RunOptions, share: RunShard | None, started_at: str
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


def _run(run: _RunInProgress, conclude: Conclude) -> ExitCode:
    start = time.monotonic()
    ending = _drive(run)
    grid = run.state.grid
    repeats = run.recorder.repeats() if run.recorder else Repeats()
    so_far = run.recorder.repeats_so_far(repeats) if run.recorder else RepeatTotals()
    checked = {check.target for check in run.state.canaries}
    circumstances = Circumstances(
        harness=harness.__version__,
        command=run.options.command,
        started_at=run.started_at,
        seconds=round(time.monotonic() - start, 1),
        workers=run.options.workers,
        phases={phase: round(spent, 1) for phase, spent in run.state.phases.items()},
        interrupted=ending.interrupted,
        canaries=run.state.canaries,
        unchecked=tuple(
            key
            for key in (target.key for target in grid.targets)
            if run.options.prober.canaries and key not in checked and _is_reused(grid, key)
        ),
        repeats=repeats,
        repeats_so_far=so_far,
    )
    print_grid(grid, run.console, interrupted=ending.interrupted)
    say(format_phases(circumstances), run.console)
    lines = (format_imports, format_tests, format_reused, format_deviations)
    for line in filter(None, (render(grid) for render in lines)):
        say(line, run.console)
    for name, targets in run.state.unenforced.items():
        say(f"not enforced by this engine: {name} ({len(set(targets))} targets)", run.console)
    for line in (*format_engines(grid), *run.state.engine_failures):
        say(line, run.console)
    for line in format_canaries(circumstances):
        say(line, run.console)
    code = ExitCode.INTERRUPTED if ending.interrupted else conclude(grid)
    if run.recorder:
        run.recorder.end(circumstances, code)
    record = replace(record_run(grid, circumstances, _passports(run)), exit_code=code)
    write_run(run.options.out / "run.json", record)
    xml = junit_xml(record.grid, timestamp=record.circumstances.started_at)
    write_whole(run.options.out / "junit.xml", xml.encode())
    return _finish(run, ending, code)


def _is_reused(grid: Grid, key: str) -> bool:
    """Whether every result of a column is one of an earlier run."""
    column = [c.observation for c in grid.cells if c.cell.target.key == key]
    return all(seen is not None and seen.cached for seen in column)


def _passports(run: _RunInProgress) -> dict[str, Passport]:
    """Return the passports of this run and of reused results."""
    seen = [cell.observation for cell in run.state.grid.cells if cell.observation]
    known = run.state.passports
    before = {each.provenance.passport_id for each in seen} - known.keys()
    return known | (run.recorder.passports(before) if run.recorder else {})


def _drive(run: _RunInProgress) -> PytestEnd:
    """Recall stored results, then run pytest on the cells without one."""
    out, state = run.options.out, run.state
    record = run.recorder.take if run.recorder else _discard
    if run.recorder:
        Journal(out / JOURNAL_NAME).run(run.recorder.run.id)
    try:
        recall_results(state.left, run.options, out / JOURNAL_NAME)
    except KeyboardInterrupt:
        return PytestEnd(status=0, interrupted=True)
    events, offset = read_events(out / JOURNAL_NAME)
    state.take(events)
    record(events)
    if not state.left:
        return PytestEnd(status=0, interrupted=False)
    runner = open_runner(
        state.left,
        run.options,
        run.recorder.run.id if run.recorder else "",
        lambda text: say(text, run.console),
    )
    return drive(runner, state, out, run.console, record=record, offset=offset)


def _discard(_: Events) -> None:
    """Record nothing: the run has no store."""


def _finish(run: _RunInProgress, ending: PytestEnd, code: ExitCode) -> ExitCode:
    """Print the paths of the results; remove the containers of an interrupted run."""
    _print_paths(run)
    if ending.interrupted:
        with contextlib.closing(open_pool(run.options.prober, lambda _: None)) as pool:
            pool.reap()
        return code
    _assert_done(run, ending)
    unstored = run.recorder is not None and run.recorder.error is not None
    return code or (ExitCode.NOTHING_CAN_BE_SAID if unstored else ExitCode.AS_EXPECTED)


def _assert_done(run: _RunInProgress, ending: PytestEnd) -> None:
    """Raise ``EngineError`` with the end of pytest's output if pytest broke."""
    if ending.status in PYTEST_DONE:
        return
    log = run.options.out / LOG
    tail = log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:]
    raise EngineError(
        f"pytest broke (status {ending.status}); its output is in {log}, which ends with:\n"
        + "\n".join(map(visible, tail))
    )


def _print_paths(run: _RunInProgress) -> None:
    out, recorder = run.options.out, run.recorder
    written = [out / "run.json", out / "junit.xml"]
    if run.state.left and (out / LOG).exists():  # not of a cluster
        written.append(out / LOG)
    say(f"written: {', '.join(map(str, written))}", run.console)
    if recorder and recorder.error:
        say(f"not all results are stored: {recorder.error}", run.console)
    elif recorder:
        say(f"stored: run {recorder.run.id}", run.console)
