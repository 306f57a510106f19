"""``wheelgrid history``: when a cell changed, and which recorded inputs changed then."""

from pathlib import Path

import click

from harness.cli.command import ExplainedCommand
from harness.cli.options import query_option, store_option
from harness.report.console import print_data, say
from harness.report.stored_runs import format_transitions
from harness.results.query import Query
from harness.store import open_store
from harness.store.history import cell_transitions, count_sightings, named_cells


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid history debian-12/s390x/numpy\n"
    "wheelgrid history alpine-3.19 -q outcome:import-failed",
)
@click.argument("name", metavar="CELL|TARGET|SUBJECT")
@query_option
@store_option
def history(*, name: str, query: Query, store: Path) -> None:
    """List when cells and recorded inputs changed, newest first.

    Unchanged results are only counted. A query matches a cell as it was after the change.
    """
    with open_store(store) as opened:
        cells = named_cells(opened, name)
        found = cell_transitions(opened, cells, query)
        seen, times = count_sightings(opened, cells)
    print_data(format_transitions(found), end="")
    say(f"{len(found)} changes; {seen} cells, seen {times} times")
