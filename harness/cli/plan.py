"""``wheelgrid plan``: the cells that would run, without touching the engine."""

from pathlib import Path

import click
from rich.console import Console

from harness.cli.command import Command
from harness.cli.options import matrix_option, selection_options
from harness.plan import Selection, plan_cells, usual
from harness.report.planned import cells_json, print_plan
from harness.wiring import read_matrix


@click.command(cls=Command, example='wheelgrid plan -k "s390x and not numpy"')
@selection_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line and cell.")
@matrix_option
def plan(*, selection: Selection, matrix: Path, as_json: bool) -> None:
    """Show the cells that a run would probe."""
    read = read_matrix(matrix)
    cells = plan_cells(read, usual(read, selection))
    if as_json:
        click.echo(cells_json(cells))
    else:
        print_plan(cells, Console())
