"""``wheelgrid lock``: renew the lock of the package index."""

from pathlib import Path

import click

from harness.app.index_renewal import renew_index
from harness.app.wiring import read_matrix
from harness.cli.command import ExplainedCommand
from harness.cli.options import matrix_option
from harness.host.package_data import require_own
from harness.report.console import print_data
from harness.wheels.index.lock import LOCK_NAME, write_lock


@click.command(cls=ExplainedCommand, example="wheelgrid lock")
@matrix_option
def lock(*, matrix: Path) -> None:
    """Pin the index wheels of every release in the matrix again.

    Writes index.lock.json beside the matrix files; a missing or broken one is replaced.
    """
    require_own(matrix, "lock")
    write_lock(matrix / LOCK_NAME, renew_index(read_matrix(matrix), matrix))
    print_data(matrix / LOCK_NAME)
