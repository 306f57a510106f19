"""``wheelgrid repro``: print a command that reproduces a cell without this project."""

from dataclasses import replace
from pathlib import Path

import click

from harness.app.engine_wiring import open_prober
from harness.app.prober_options import ProberOptions
from harness.cli.command import ExplainedCommand
from harness.cli.options import image_options, matrix_option, project_matrix, run_file_option
from harness.core.cells import Cell
from harness.host.engine.hardening import seccomp_profile
from harness.matrix.plan import find_cell
from harness.report.console import print_data, say
from harness.report.progress import ConsoleJournal
from harness.results.runfile import find_record, write_whole


@click.command(cls=ExplainedCommand, example="wheelgrid repro debian-12/s390x/numpy")
@click.argument("cell")
@click.option(
    "--seccomp",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the profile of system calls that probes run with, and name it in the line.",
)
@run_file_option
@image_options
@matrix_option
def repro(
    *, cell: str, run_file: Path, seccomp: Path | None, images: str, registry: str, matrix: Path
) -> None:
    """Print a `docker run` line that reproduces the cell.

    CELL is an id as the grid prints it: TARGET/ARCH/SUBJECT. It is looked up in the last run, so
    that it may be a cell of `check`, then in the matrix. The line ends with another status than 0
    if something fails, also where the grid has a finding alone.
    """
    loaded = project_matrix(matrix)
    found = _as_seen(cell, run_file) or find_cell(loaded, cell)
    options = ProberOptions(matrix_folder=matrix, images=images, registry=registry)
    with open_prober(loaded, options, ConsoleJournal()) as prober:
        line = prober.repro_command(found, str(seccomp.resolve()) if seccomp else "")
    if seccomp:
        write_whole(seccomp, seccomp_profile().encode())
    else:
        say("the engine's default system calls apply; --seccomp FILE writes the probes' own")
    print_data(line)


def _as_seen(cell: str, run_file: Path) -> Cell | None:
    """Return a cell of a run with the imports that were tried; None if the run does not have it."""
    found = find_record(run_file, cell)
    if found is None:
        return None
    seen = found.observation
    imports = seen.imports if seen and seen.imports else found.cell.subject.imports
    return replace(found.cell, subject=replace(found.cell.subject, imports=imports))
