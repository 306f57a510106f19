"""``wheelgrid init``: write a first configuration from the wheels of a project."""

from pathlib import Path

import click

from harness.app.first_config import infer_config, write_config
from harness.app.wiring import read_matrix
from harness.cli.command import ExplainedCommand
from harness.cli.options import matrix_option
from harness.report.console import print_data


@click.command(cls=ExplainedCommand, example="wheelgrid init\nwheelgrid init wheelhouse --force")
@click.argument("wheels", nargs=-1, metavar="[WHEEL]...")
@click.option("--force", is_flag=True, help="Replace the configuration that is there.")
@matrix_option
def init(*, wheels: tuple[str, ...], force: bool, matrix: Path) -> None:
    """Write a first configuration from the wheels of a project.

    WHEEL is a file or a folder of wheels; dist by default. Appends [tool.wheelgrid] to
    pyproject.toml in this folder, or writes wheelgrid.toml if there is none.
    """
    found = infer_config(wheels or ("dist",), read_matrix(matrix).targets)
    path = write_config(Path.cwd(), found, force=force)
    print_data(f"written: {path.name}, from the wheels of {' '.join(found.releases)}")
    print_data("next: wheelgrid predict dist, wheelgrid check dist, wheelgrid config")
