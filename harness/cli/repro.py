"""``wheelgrid repro``: print a command that reproduces a cell without this project."""

from pathlib import Path

import click

from harness.app.engine_wiring import open_prober
from harness.app.wiring import ProberOptions
from harness.cli.command import ExplainedCommand
from harness.cli.options import image_options, matrix_option, project_matrix
from harness.host.engine.hardening import seccomp_profile
from harness.matrix.plan import find_cell
from harness.report.console import print_data, say
from harness.report.progress import ConsoleJournal
from harness.results.runfile import write_whole


@click.command(cls=ExplainedCommand, example="wheelgrid repro debian-12/s390x/numpy")
@click.argument("cell")
@click.option(
    "--seccomp",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the profile of system calls that probes run with, and name it in the line.",
)
@image_options
@matrix_option
def repro(*, cell: str, seccomp: Path | None, images: str, registry: str, matrix: Path) -> None:
    """Print a `docker run` line that reproduces the cell.

    CELL is an id as the grid prints it: TARGET/ARCH/SUBJECT.
    """
    loaded = project_matrix(matrix)
    found = find_cell(loaded, cell)
    options = ProberOptions(matrix_folder=matrix, images=images, registry=registry)
    with open_prober(loaded, options, ConsoleJournal()) as prober:
        if seccomp:
            write_whole(seccomp, seccomp_profile().encode())
        else:
            say("the engine's default system calls apply; --seccomp FILE writes the probes' own")
        print_data(prober.repro_command(found, str(seccomp.resolve()) if seccomp else ""))
