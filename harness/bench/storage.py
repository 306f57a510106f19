"""Measure the uses of a large store: ``python -m harness.bench.storage [CELLS [RUNS]]``.

Stores two synthetic runs of 50,000 cells; ``5000 200`` stores as many runs of a smaller matrix. The
exit code is 1 if a use takes more CPU time than ``LIMIT`` seconds.
"""

import gc
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

from harness.cli import GARBAGE_PAUSE
from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import ExitCode
from harness.core.observations import (
    Attempt,
    AttemptMode,
    ImageRef,
    Observation,
    Prediction,
    Provenance,
)
from harness.core.subjects import IndexSource, Subject, WheelRef
from harness.core.targets import ImageWay, Target
from harness.report.changes import format_comparison
from harness.report.console import Console
from harness.report.html import html_page
from harness.report.terminal import print_grid
from harness.results.compare import Comparison, compare_grids
from harness.results.grid import Grid
from harness.results.past import past_of
from harness.results.runfile import Circumstances, Repeats, Run
from harness.store import open_store
from harness.store.history import cell_transitions
from harness.store.repeats import find_repeats
from harness.store.run_lookup import known_past

CELLS = 50_000
RUNS = 2
SUBJECTS = 200
BATCH = 50
"""Maximum number of cells that finish between two reads of the journal."""
LIMIT = 2.0
FLIPS = 50
"""One in this many cells has another outcome in the second run."""

_Result = TypeVar("_Result")


def main(words: Sequence[str]) -> ExitCode:
    """Measure and print."""
    gc.set_threshold(GARBAGE_PAUSE)
    given = [int(word) for word in words]
    count, runs = [*given, *(CELLS, RUNS)[len(given) :]]
    cells = sample_cells(count)
    print(f"{len(cells):,} cells, {runs} runs, on one core:")  # noqa: T201 - the page
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.db")
        timed("writing all", lambda: write_runs(path, cells, runs))
        print(f"{'the file':<22} {path.stat().st_size / 1e6:5.1f} MB")  # noqa: T201
        base, opening = timed("opening a run", lambda: read_run(path, "last~1"))
        now = read_run(path, "last")
        known, knowing = timed("what is known of it", lambda: known_past((base, now), path))
        found, comparing = timed("comparing", lambda: compare_grids(base.grid, now.grid))
        _, drawing = timed("rendering the grid", lambda: draw(now.grid))
        past = past_of(now, [], base=base, known=known)
        _, paging = timed("rendering the page", lambda: html_page(now, past))
        _, rendering = timed("rendering the changes", lambda: render_changes(found))
        _, latest = timed("the latest results", lambda: read_latest(path, cells))
        _, repeats = timed("what was repeated", lambda: read_repeats(path))
        timed("the whole history", lambda: read_history(path, cells))
    uses = (opening, knowing, comparing, drawing, paging, rendering, latest, repeats)
    return ExitCode.UNEXPECTED if max(uses) > LIMIT else ExitCode.AS_EXPECTED


def timed(title: str, use: Callable[[], _Result]) -> tuple[_Result, float]:
    """Return the result of ``use`` and its seconds; print the seconds."""
    start = time.process_time()
    made = use()
    seconds = time.process_time() - start
    print(f"{title:<22} {seconds:5.2f} s")  # noqa: T201 - the page
    return made, seconds


def write_runs(path: Path, cells: Sequence[Cell], runs: int) -> None:
    """Store the runs."""
    for run in range(runs):
        write_run(path, cells, run)


def write_run(path: Path, cells: Sequence[Cell], run: int) -> None:
    """Store one run in batches, as a run in progress is stored."""
    seen = list(sample_observations(cells, run))
    day = date(2026, 1, 1) + timedelta(days=run)
    how = Circumstances(harness="1", started_at=f"{day}T02:00:00+00:00", seconds=3600, workers=2)
    with open_store(path, write=True) as store:
        info = store.begin(cells, started_at=how.started_at)
        for start in range(0, len(seen), BATCH):
            store.add(info, seen[start : start + BATCH])
        store.end(info, how, ExitCode.UNEXPECTED)


def read_run(path: Path, name: str) -> Run:
    """Open the store and return a run."""
    with open_store(path) as store:
        return store.run(store.find(name))


def read_history(path: Path, cells: Sequence[Cell]) -> int:
    """Return the number of transitions in the history."""
    with open_store(path) as store:
        return len(cell_transitions(store, [cell.id for cell in cells]))


def read_latest(path: Path, cells: Sequence[Cell]) -> int:
    """Return the number of cells with a result in any run."""
    with open_store(path) as store:
        return len(store.latest(cell.id for cell in cells))


def read_repeats(path: Path) -> Repeats:
    """Return what the last run measured again."""
    with open_store(path) as store:
        return find_repeats(store, store.find("last"))


def draw(grid: Grid) -> None:
    """Render the grid for a terminal."""
    print_grid(grid, Console(file=io.StringIO(), force_terminal=True, width=200))


def render_changes(comparison: Comparison) -> None:
    """Render the comparison for a terminal."""
    Console(file=io.StringIO(), width=200).print(format_comparison(comparison), soft_wrap=True)


def sample_cells(count: int) -> tuple[Cell, ...]:
    """Return ``count`` cells: 200 subjects per target."""
    subjects = [
        Subject(
            id=f"wheel-{number}",
            group=f"group {number % 8}",
            source=IndexSource(name=f"wheel-{number}", version="1.0"),
            imports=(f"wheel_{number}",),
        )
        for number in range(SUBJECTS)
    ]
    targets = [
        Target(
            id=f"made-up-{number}",
            arch_name=("x86_64", "s390x", "riscv64", "ppc64le")[number % 4],
            title=f"Made up {number}",
            python="3.11",
            libc="glibc",
            interpreter="python3",
        )
        for number in range(-(-count // SUBJECTS))
    ]
    cells = (Cell(target=target, subject=subject) for target in targets for subject in subjects)
    return tuple(cells)[:count]


def sample_observations(cells: Sequence[Cell], run: int) -> Iterator[Observation]:
    """Yield the observation of each cell in a ``run``: in each second one, more are broken."""
    for number, cell in enumerate(cells):
        broken = number % 10 == 0 or (run % 2 and number % FLIPS == 1)
        outcome = Outcome.IMPORT_FAILED if broken else Outcome.PASS
        stage = Stage.IMPORT if broken else Stage.CALL
        cause = "suffix-mismatch" if broken else ""
        yield Observation(
            cell=cell.id,
            outcome=outcome,
            stage=stage,
            cause=cause,
            evidence=f"ModuleNotFoundError: No module named {cell.id!r}" if broken else "",
            log=f"{cell.id} says\n" + "a line of the installer\n" * 20 if broken else "",
            wheel=_wheel(cell.subject),
            attempts=(
                Attempt(mode=AttemptMode.SESSION, outcome=outcome, stage=stage, seconds=0.25),
            ),
            seconds={"probe": 0.25, "total": 0.3},
            measured_at="2026-01-01T02:00:00+00:00",
            prediction=Prediction(outcome=outcome, stage=stage, cause=cause, evidence=cell.id),
            provenance=_provenance(cell.target),
            key=f"{number:032x}",
        )


def _wheel(subject: Subject) -> WheelRef:
    name = f"{subject.imports[0]}-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
    return WheelRef(filename=name, sha256="0" * 64, size=1 << 20, path=f"/cache/index/{name}")


def _provenance(target: Target) -> Provenance:
    image = ImageRef(id=f"sha256:{target.id}", way=ImageWay.ASSEMBLED, origin="made up")
    return Provenance(image=image, passport_id=target.id, qemu="7.2", kernel="6.1", harness="1")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
