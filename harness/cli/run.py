"""``wheelgrid run``: probe cells and show the grid."""

from dataclasses import replace

import click
from rich.console import Console

from harness.cli.command import Command
from harness.cli.options import run_options, selection_options
from harness.errors import ExitCode
from harness.front import RunOptions, run_cells
from harness.plan import Selection, plan_cells, usual
from harness.wiring import read_matrix


@click.command(
    cls=Command, example='wheelgrid run --target "debian-1*" --arch s390x --subject numpy'
)
@selection_options
@run_options
def run(*, selection: Selection, options: RunOptions) -> ExitCode:
    """Probe cells, show the grid, and write run.json and junit.xml."""
    matrix = read_matrix(options.matrix)
    selection = usual(matrix, selection)
    cells = plan_cells(matrix, selection)
    return run_cells(cells, replace(options, selection=selection), Console())
