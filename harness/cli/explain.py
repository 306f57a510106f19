"""``wheelgrid explain``: why one cell passes or fails."""

import shutil
from pathlib import Path

import click

from harness.app.wiring import (
    ProberOptions,
    open_passports,
    open_pinned,
    open_provider,
    open_reader,
    read_matrix,
)
from harness.cli.command import ExplainedCommand
from harness.cli.options import matrix_option
from harness.matrix.plan import find_cell
from harness.predict.batch import predict_cell
from harness.report.console import print_data, say
from harness.report.predictions import format_explanation, format_prediction
from harness.results.runfile import read_run


@click.command(
    cls=ExplainedCommand, example="wheelgrid explain alpine-3.14-ga-pip-upgraded/x86_64/plain"
)
@click.argument("cell")
@click.option(
    "--run",
    "run_file",
    type=click.Path(path_type=Path),
    default=Path("grid/run.json"),
    metavar="FILE",
    help="Run to read; ./grid/run.json by default.",
)
@matrix_option
def explain(*, cell: str, run_file: Path, matrix: Path) -> None:
    """Explain why a wheel does or does not import on a target.

    CELL is an id as the grid prints it: TARGET/ARCH/SUBJECT. Shows the result of the last run,
    or a prediction if that run does not have the cell.
    """
    width = shutil.get_terminal_size().columns
    seen = read_run(run_file).grid.cells if run_file.exists() else ()
    for found in seen:
        if found.cell.id == cell:
            print_data(format_explanation(found, width=width), end="")
            return
    loaded, options = read_matrix(matrix), ProberOptions(matrix_folder=matrix)
    index = open_pinned(options, say)
    provider = open_provider(loaded, options, index)
    wanted, passports = find_cell(loaded, cell), open_passports(matrix)
    predicted_cell = predict_cell(wanted, passports, provider, open_reader())
    print_data(format_prediction(predicted_cell, width=width), end="")
