"""``wheelgrid remedy``: find the smallest change that makes a wheel import on more targets."""

from functools import partial
from pathlib import Path

import click

from harness.app.adhoc import is_whole, passport_measurer
from harness.app.engine_wiring import open_prober
from harness.app.pytest_driver import RunOptions
from harness.app.remedy import (
    effects_of,
    examine,
    passports_of,
    read_remedy_subject,
    targets_of,
    try_out,
    write_remedy,
)
from harness.app.requested import ImportCheck
from harness.app.wiring import open_passports, open_pinned
from harness.cli.command import ExplainedCommand
from harness.cli.options import project_matrix
from harness.cli.run_options import run_options
from harness.cli.settings import project_config
from harness.core.errors import ExitCode
from harness.matrix.plan import Selection, selected_targets
from harness.report.console import Console, say
from harness.report.progress import ConsoleJournal
from harness.report.remedies import print_effects, print_trial


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid remedy dist/demo-1.0-cp39-cp39-musllinux_1_1_x86_64.whl\n"
    "wheelgrid remedy psycopg-binary==3.0.4 --target '*alpine*3.14*' --try both --try install\n"
    "wheelgrid remedy dist/demo-1.0-*.whl --write both-x86_64-linux-musl -o fixed",
)
@click.argument("wheel", metavar="WHEEL")
@click.option("--try", "tries", multiple=True, metavar="NAME", help="Try only these remedies.")
@click.option("--target", "targets", multiple=True, metavar="GLOB", help="Target ids.")
@click.option("--arch", "arches", multiple=True, metavar="GLOB", help="Arches.")
@click.option("--import", "imports", multiple=True, metavar="NAME", help="Module to import.")
@click.option("--call", default="", metavar="EXPR", help="Python expression that must be true.")
@click.option("--write", "chosen", metavar="NAME", help="Write the wheel with this remedy.")
@click.option(
    "-o",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("fixed"),
    metavar="DIR",
    help="Output folder of --write; ./fixed by default.",
)
@click.option("--no-run", is_flag=True, help="Predict only; no container is started.")
@run_options
def remedy(  # noqa: PLR0913  click gives each option by its name
    *,
    wheel: str,
    tries: tuple[str, ...],
    targets: tuple[str, ...],
    arches: tuple[str, ...],
    imports: tuple[str, ...],
    call: str,
    chosen: str | None,
    folder: Path,
    no_run: bool,
    options: RunOptions,
) -> ExitCode:
    """Find small changes that make a wheel import on more targets.

    WHEEL is a file or name==version from the package index. Every remedy is predicted on every
    target of its arch; where predictions differ, each remedy is run.
    """
    console, prober = Console(), options.prober
    matrix = project_matrix(prober.matrix_folder)
    index = open_pinned(prober, say)
    treated = read_remedy_subject(wheel, ImportCheck(imports=imports, call=call), matrix, index)
    recorded = open_passports(prober.matrix_folder, project_config())
    selected = selected_targets(matrix, Selection(targets=targets, arches=arches))
    wanted = targets_of(treated, selected)
    with passport_measurer(partial(open_prober, matrix, prober, ConsoleJournal())) as measure:
        passports = passports_of(wanted, treated, recorded, measure)
    examination = examine(treated, passports, recorded.symbols, index, tries=tries)
    grid = None if no_run else try_out(examination, options, console)
    if grid:
        print_trial(grid, console)
    print_effects(effects_of(examination, grid), examination.proposal, console)
    if chosen:
        for path in write_remedy(examination, chosen, folder):
            say(f"written: {path}")
    whole = grid is None or is_whole(grid)
    return ExitCode.AS_EXPECTED if whole else ExitCode.NOTHING_CAN_BE_SAID
