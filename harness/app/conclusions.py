"""What a finished grid means: the exit code of a run, and the lines that explain it."""

from collections.abc import Callable, Sequence

from harness.core.cells import Cell
from harness.core.errors import ExitCode
from harness.core.wheel_findings import FindingCode
from harness.report.console import Console, say
from harness.report.findings import format_unmet
from harness.results.grid import Grid, unmet_expectations

Conclude = Callable[[Grid], ExitCode]
"""Returns the exit code of a finished grid, and prints its findings."""


def count_findings(conclude: Conclude, console: Console) -> Conclude:
    """Return ``conclude`` with exit code 1 if a wheel has findings, which is printed.

    What was not tried is no defect of the wheel.
    """

    def defective(grid: Grid) -> int:
        wheels = grid.findings.values()
        return sum(any(f.code is not FindingCode.NOT_TRIED for f in found) for found in wheels)

    return _counted(conclude, console, "--strict-wheel: wheels with findings", defective)


def count_disagreements(conclude: Conclude, console: Console) -> Conclude:
    """Return ``conclude`` with exit code 1 if a prediction is wrong, which is printed."""
    words = "--strict-prediction: cells that are not as predicted"
    return _counted(conclude, console, words, lambda grid: len(grid.disagreements))


def _counted(
    conclude: Conclude, console: Console, words: str, count: Callable[[Grid], int]
) -> Conclude:
    def counted(grid: Grid) -> ExitCode:
        code = conclude(grid)
        if not (number := count(grid)):
            return code
        say(f"{words}: {number}", console)
        return ExitCode.UNEXPECTED

    return counted


def require_met(conclude: Conclude, cells: Sequence[Cell], console: Console) -> Conclude:
    """Return ``conclude`` with exit code 1 if an expectation by cause applies to no cell.

    ``cells`` are all cells of the matrix; an expectation counts if the grid has all of its cells.
    """

    def required(grid: Grid) -> ExitCode:
        code = conclude(grid)
        unmet = unmet_expectations(cells, grid)
        for expectation in unmet:
            say(format_unmet(expectation), console)
        return (code or ExitCode.UNEXPECTED) if unmet else code

    return required
