"""``wheelgrid worker``: serve a Dask scheduler with this machine's container engine."""

import os
from pathlib import Path

import click

from harness.app.cluster_link import require_dask
from harness.cli.command import ExplainedCommand
from harness.cli.options import matrix_option, mirror_option
from harness.report.console import say


@click.command(cls=ExplainedCommand, example="wheelgrid worker tcp://scheduler:8786 -n 4")
@click.argument("scheduler", metavar="ADDRESS")
@click.option(
    "-n",
    "workers",
    type=click.IntRange(min=1),
    default=lambda: os.cpu_count() or 1,
    metavar="N",
    help="Targets probed at a time; by default the number of processors.",
)
@mirror_option
@matrix_option
def worker(*, scheduler: str, workers: int, matrix: Path) -> None:
    """Probe cells for runs with `--on ADDRESS` until interrupted.

    ADDRESS is that of a Dask scheduler, as tcp://scheduler:8786. The worker serves the arches that
    `wheelgrid doctor` finds to work here. A run takes only workers of its own version and matrix.
    """
    require_dask(scheduler)
    from harness.app.cluster_worker import serve  # noqa: PLC0415 - Dask is optional

    serve(scheduler, workers, matrix.resolve(), say)
