"""``wheelgrid check``: a user's own wheels on every target that they are for."""

from dataclasses import replace

import click
from rich.console import Console

from harness.candidates import Proof, not_applicable, read_candidates
from harness.cli.command import Command
from harness.cli.options import run_options, selection_options
from harness.errors import ExitCode
from harness.front import RunOptions
from harness.index.lock import LOCK_NAME, read_lock
from harness.plan import Selection, plan_cells, usual, with_subjects
from harness.report.planned import format_not_applicable
from harness.running import run_cells
from harness.wiring import open_index, read_matrix


@click.command(
    cls=Command,
    example="wheelgrid check dist/*.whl --call 'mypkg.add(1, 2) == 3'\n"
    "wheelgrid check numpy==2.4.6 --target 'debian-1*' --arch s390x",
)
@click.argument("wheels", nargs=-1, required=True, metavar="WHEEL...")
@click.option(
    "--import",
    "imports",
    multiple=True,
    metavar="NAME",
    help="Module to import; those that the wheel has by default.",
)
@click.option(
    "--call", default="", metavar="EXPR", help="Python expression that is true when it works."
)
@selection_options
@run_options
def check(
    *,
    wheels: tuple[str, ...],
    imports: tuple[str, ...],
    call: str,
    selection: Selection,
    options: RunOptions,
) -> ExitCode:
    """Probe your own wheels wherever their arch and Python fit.

    WHEEL is a file or name==version from the package index. Writes what `run` writes.
    """
    matrix = read_matrix(options.matrix)
    selection = usual(matrix, selection)
    index = open_index(
        read_lock(options.matrix / LOCK_NAME), lambda line: click.echo(line, err=True)
    )
    candidates = read_candidates(wheels, Proof(imports=imports, call=call), index)
    subjects = tuple(candidate.subject for candidate in candidates)
    wanted = plan_cells(matrix, replace(selection, keyword="", subjects=()))
    targets = tuple({cell.target.key: cell.target for cell in wanted}.values())
    click.echo(format_not_applicable(not_applicable(candidates, targets)), nl=False)
    cells = plan_cells(with_subjects(matrix, subjects), selection)
    return run_cells(cells, options, Console())
