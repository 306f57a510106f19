"""Journals of unfinished runs."""

from harness.probe.journal import Journal, read_events
from harness.results.grid import Grid
from harness.results.run_state import RunState


def follow(grid: Grid, journal: Journal) -> RunState:
    """Return the state of a run of the cells of ``grid`` after what ``journal`` has."""
    state = RunState([cell.cell for cell in grid.cells])
    state.take(read_events(journal.path)[0])
    return state


def record(grid: Grid, journal: Journal, target: str) -> None:
    """Write the observations of one target to ``journal``."""
    for cell in grid.cells:
        if cell.cell.target.key == target and cell.observation:
            journal.cell(cell.observation)
