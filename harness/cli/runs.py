"""``wheelgrid runs``: list the stored runs."""

from pathlib import Path

import click

from harness.cli.command import ExplainedCommand
from harness.cli.options import store_option
from harness.report.console import print_data, say
from harness.report.stored_runs import format_runs
from harness.store import open_store


@click.command(cls=ExplainedCommand, example="wheelgrid runs -n 5")
@click.option(
    "-n", "most", type=click.IntRange(min=1), default=20, metavar="N", help="Maximum of runs."
)
@store_option
def runs(*, most: int, store: Path) -> None:
    """List the stored runs, newest first."""
    with open_store(store) as opened:
        found = opened.runs()
    print_data(format_runs(found[:most]), end="")
    if len(found) > most:
        say(f"and {len(found) - most} more; -n {len(found)} lists them all")
