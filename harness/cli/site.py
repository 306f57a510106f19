"""``wheelgrid site``: write runs as a static site."""

from pathlib import Path

import click

from harness.app.wiring import open_passports
from harness.cli.command import ExplainedCommand
from harness.cli.options import matrix_option, store_option
from harness.cli.settings import project_config
from harness.report.console import print_data
from harness.report.site import site_files
from harness.results.past import StoredFacts, in_order
from harness.results.runfile import write_files
from harness.store.run_lookup import find_run


@click.command(cls=ExplainedCommand, example="wheelgrid site public nightly/*/run.json")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.argument("runs", nargs=-1, metavar="[RUN...]")
@click.option("--url", default="", metavar="URL", help="Address of the site, for the feed.")
@store_option
@matrix_option
def site(*, folder: Path, runs: tuple[str, ...], url: str, store: Path, matrix: Path) -> None:
    """Write a static site: grid, targets, wheels, history, badges, feed.

    RUN is a run.json, grid/run.json by default, or a run that `wheelgrid runs` lists. The order
    of runs does not matter.
    """
    names = runs or ("grid/run.json",)
    read = in_order([find_run(name, store).run for name in names])
    known = StoredFacts(recorded=open_passports(matrix, project_config()).recorded)
    write_files(folder, site_files(read, known=known, url=url))
    print_data(folder / "index.html")
