"""``wheelgrid worker``: serve a Dask scheduler with this machine's container engine."""

from pathlib import Path

import click

from harness.app.cluster_link import require_dask
from harness.cli.command import ExplainedCommand
from harness.cli.options import engine_option, matrix_option, mirror_option
from harness.core.engine_places import EnginePlace
from harness.report.console import say


@click.command(cls=ExplainedCommand, example="wheelgrid worker tcp://scheduler:8786 -n 4")
@click.argument("scheduler", metavar="ADDRESS")
@click.option(
    "-n",
    "workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Targets probed at a time; by default the number of processors of the engines.",
)
@engine_option
@mirror_option
@matrix_option
def worker(
    *, scheduler: str, workers: int | None, engines: tuple[EnginePlace, ...], matrix: Path
) -> None:
    """Probe cells for runs with `--on ADDRESS` until interrupted.

    ADDRESS is that of a Dask scheduler, as tcp://scheduler:8786. The worker serves the arches that
    `wheelgrid doctor` finds to work here, and those of its engines. A run takes only workers of
    its own version and matrix.
    """
    require_dask(scheduler)
    from harness.app.cluster_worker import serve  # noqa: PLC0415 - Dask is optional

    serve(scheduler, workers or 0, matrix.resolve(), engines, say)
