"""``wheelgrid explain``: why one cell passes or fails, and what a cause means."""

import shutil
from pathlib import Path

import click

from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_passports, open_pinned, open_provider, open_reader
from harness.cli.command import ExplainedCommand
from harness.cli.options import matrix_option, project_matrix, run_file_option
from harness.cli.settings import project_config
from harness.core.causes import Cause
from harness.core.errors import UsageError
from harness.core.matching import did_you_mean
from harness.matrix.plan import find_cell
from harness.predict.batch import predict_cell
from harness.report.console import Console, print_data, say
from harness.report.guide import cause_list, cause_page, print_page
from harness.report.predictions import format_explanation, format_prediction
from harness.results.runfile import find_record


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid explain suffix-mismatch\n"
    "wheelgrid explain alpine-3.14-ga-pip-upgraded/x86_64/plain",
)
@click.argument("about", metavar="[CELL|CAUSE]", default="")
@run_file_option
@matrix_option
def explain(*, about: str, run_file: Path, matrix: Path) -> None:
    """Explain why a wheel fails on a target, or what a cause means.

    CELL is an id as the grid prints it: TARGET/ARCH/SUBJECT. Shows the result of the last run,
    or a prediction if that run does not have the cell. CAUSE is a name such as suffix-mismatch.
    Shows its page of the guide: what it means, how it looks, an example, and what to do.
    Without an argument, lists all causes.
    """
    if not about:
        print_data(cause_list(), end="")
    elif "/" in about:
        _explain_cell(about, run_file, matrix)
    elif about in set(Cause):
        print_page(cause_page(Cause(about)), Console())
    else:
        raise UsageError(
            f"{about!r} is no cell (TARGET/ARCH/SUBJECT) and no cause"
            f"{did_you_mean(about, map(str, Cause))}\n`wheelgrid explain` lists all causes"
        )


def _explain_cell(cell: str, run_file: Path, matrix: Path) -> None:
    width = shutil.get_terminal_size().columns
    if found := find_record(run_file, cell):
        print_data(format_explanation(found, width=width), end="")
        return
    loaded, options = project_matrix(matrix), ProberOptions(matrix_folder=matrix)
    index = open_pinned(options, say)
    provider = open_provider(loaded, options, index)
    wanted, passports = find_cell(loaded, cell), open_passports(matrix, project_config())
    predicted_cell = predict_cell(wanted, passports, provider, open_reader())
    print_data(format_prediction(predicted_cell, width=width), end="")
