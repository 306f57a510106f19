"""Run wheels that are not in the matrix and have no expectations."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from harness.app.execute import measure
from harness.app.pytest_driver import RunOptions
from harness.app.wiring import read_matrix
from harness.core.cells import Outcome
from harness.core.errors import UsageError
from harness.core.machines import recorded_on
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
def passport_measurer(open_prober: Callable[[], Prober]) -> Iterator[Callable[[Target], Passport]]:
    """Yield a function that measures passports; its prober is opened on the first call."""
    with contextlib.ExitStack() as opened:
        prober = cache(lambda: opened.enter_context(open_prober()))
        yield lambda target: prober().passport(target)


def gather_passports(
    targets: Iterable[Target], recorded: Passports, measure: Callable[[Target], Passport | None]
) -> dict[str, Passport]:
    """Return passports by target key: recorded ones, and those that ``measure`` returns.

    A target is left out if ``measure`` returns None for it.
    """
    found = {target.key: recorded_on(recorded, target) or measure(target) for target in targets}
    return {key: passport for key, passport in found.items() if passport is not None}


def run_subjects(
    subjects: tuple[Subject, ...], selection: Selection, options: RunOptions, console: Console
) -> Grid:
    """Run subjects that are not in the matrix on the selected targets, and return the grid.

    Raises as ``execute.measure`` and ``plan_cells`` do.
    """
    matrix = read_matrix(options.prober.matrix_folder, options.prober.config)
    cells = plan_cells(with_subjects(matrix, subjects), selection)
    return measure(cells, options, console)


def is_whole(grid: Grid) -> bool:
    """Whether every cell has an observation that is no miss."""
    return all(c.outcome not in (None, Outcome.MISS) for c in grid.cells)


def outcomes_of(grid: Grid) -> dict[tuple[str, str], Outcome]:
    """Return the observed outcomes by target key and subject id."""
    return {
        (c.cell.target.key, c.cell.subject.id): c.observation.outcome
        for c in grid.cells
        if c.observation
    }


def write_wheels(wheels: Iterable[WheelBytes], folder: Path) -> tuple[Path, ...]:
    """Write wheels into ``folder``, which is made if missing. Raises ``UsageError``."""
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
