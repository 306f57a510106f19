"""Render what projects' own tests reported, with untrusted text escaped."""

from harness.core.cells import Outcome, Stage
from harness.report.untrusted import visible
from harness.results.grid import Grid, GridCell


def format_tests(grid: Grid) -> str:
    """Return a line per cell whose tests ran, or could not; empty if no cell has any."""
    lines = [f"  {visible(c.cell.id)}  {shown}" for c in grid.cells if (shown := _shown(c))]
    if grid.tested_nowhere:
        lines.append("  They ran on no target: see the names and versions in --test-requires.")
    return "\n".join(["tests", *lines]) if lines else ""


def _shown(cell: GridCell) -> str:
    seen = cell.observation
    if seen is None or cell.cell.subject.tests is None:
        return ""
    if seen.stage is not Stage.TEST:
        return f"not run: {seen.outcome} ({seen.stage})"
    if seen.outcome is Outcome.REFUSED:
        return "not run: what they require cannot be installed"
    said = str(seen.tests) if seen.tests else "without a JUnit report"
    unread = (
        f"; their report was not read to its end: {visible(seen.tests.unread)}"
        if (seen.tests and seen.tests.unread)
        else ""
    )
    return f"{seen.outcome}: {said}{unread}"
