"""Runs of wheels that are in no matrix; nothing is expected of them."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from harness.app.execute import measure
from harness.app.pytest_driver import RunOptions
from harness.app.wiring import read_matrix
from harness.core.cells import Outcome
from harness.core.errors import UsageError
from harness.core.passport import Passport
from harness.core.subjects import Subject
from harness.core.targets import Target
from harness.matrix.plan import Selection, plan_cells, with_subjects
from harness.predict.batch import Passports
from harness.probe.prober import Prober
from harness.report.console import Console
from harness.results.grid import Grid
from harness.wheels.archive.rewrite import WheelBytes


@contextlib.contextmanager
def measuring(open_prober: Callable[[], Prober]) -> Iterator[Callable[[Target], Passport]]:
    """Give what measures a target; the prober is opened when first asked for."""
    with contextlib.ExitStack() as opened:
        prober = cache(lambda: opened.enter_context(open_prober()))
        yield lambda target: prober().passport(target)


def gather_passports(
    targets: Iterable[Target], recorded: Passports, measure: Callable[[Target], Passport | None]
) -> dict[str, Passport]:
    """Return the passports of targets by key: those recorded, the others as ``measure`` has them.

    Targets that have neither are left out.
    """
    found = {target.key: recorded.recorded(target.key) or measure(target) for target in targets}
    return {key: passport for key, passport in found.items() if passport is not None}


def run_subjects(
    subjects: tuple[Subject, ...], selection: Selection, options: RunOptions, console: Console
) -> Grid:
    """Run subjects that are in no matrix on the selected targets, and return the grid.

    Raises what ``measure`` and ``plan_cells`` raise.
    """
    matrix = with_subjects(read_matrix(options.matrix), subjects)
    return measure(plan_cells(matrix, selection), options, console)


def is_whole(grid: Grid) -> bool:
    """Whether something was seen of every cell."""
    return all(c.outcome not in (None, Outcome.MISS) for c in grid.cells)


def outcomes_of(grid: Grid) -> dict[tuple[str, str], Outcome]:
    """Return what was seen, by target key and subject id."""
    return {
        (c.cell.target.key, c.cell.subject.id): c.observation.outcome
        for c in grid.cells
        if c.observation
    }


def write_wheels(wheels: Iterable[WheelBytes], folder: Path) -> tuple[Path, ...]:
    """Write wheels into ``folder``, made where it is missing. Raises ``UsageError``."""
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for wheel in wheels:
            path = folder / wheel.filename
            path.write_bytes(wheel.data)
            paths.append(path)
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be written: {error.strerror}; choose another directory"
        ) from error
    return tuple(paths)
