"""``wheelgrid lock``: renew the lock of the package index."""

from pathlib import Path

import click

from harness.app.wiring import open_index, read_matrix
from harness.cli.command import ExplainedCommand
from harness.cli.options import matrix_option
from harness.report.console import print_data, say
from harness.wheels.index.lock import LOCK_NAME, NOTHING_PINNED, write_lock
from harness.wheels.index.renew import pinned_releases, renew_lock


@click.command(cls=ExplainedCommand, example="wheelgrid lock")
@matrix_option
def lock(*, matrix: Path) -> None:
    """Pin the index wheels of every release in the matrix again.

    Writes index.lock.json beside the matrix files; a missing or broken one is replaced.
    """
    index = open_index(NOTHING_PINNED, say)
    write_lock(matrix / LOCK_NAME, renew_lock(pinned_releases(read_matrix(matrix)), index))
    print_data(matrix / LOCK_NAME)
