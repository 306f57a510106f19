"""``wheelgrid history``: when a cell changed, and what changed with it."""

from pathlib import Path

import click

from harness.cli.command import ExplainedCommand
from harness.cli.options import query_option, store_option
from harness.report.console import print_data, say
from harness.report.listing import format_steps
from harness.results.query import Query
from harness.store import open_store
from harness.store.history import count_sightings, named_cells, steps


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid history debian-12/s390x/numpy\n"
    "wheelgrid history alpine-3.19 -q outcome:import-failed",
)
@click.argument("name", metavar="CELL|TARGET|SUBJECT")
@query_option
@store_option
def history(*, name: str, query: Query, store: Path) -> None:
    """Say when cells changed, the newest change first, and what else changed then.

    What stayed as it was is only counted. A query sees a cell as it was after the change.
    """
    with open_store(store) as opened:
        cells = named_cells(opened, name)
        found = steps(opened, cells, query)
        seen, times = count_sightings(opened, cells)
    print_data(format_steps(found), end="")
    say(f"{len(found)} changes; {seen} cells, seen {times} times")
