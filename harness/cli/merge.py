"""``wheelgrid merge``: merge the shards of a run into one run."""

from pathlib import Path

import click

from harness.cli.command import ExplainedCommand
from harness.cli.options import store_option
from harness.core.errors import ExitCode
from harness.report.canary_lines import format_canaries
from harness.report.console import Console, say
from harness.report.terminal import print_grid
from harness.results.grid import build_grid, exit_code
from harness.store.merge import merge_stores


@click.command(
    cls=ExplainedCommand, example="wheelgrid merge shards/*.db --store nightly.db --label nightly"
)
@click.argument(
    "sources",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="STORE...",
)
@click.option("--label", default="", metavar="NAME", help="Label; `last-night` finds nightly runs.")
@store_option
def merge(*, sources: tuple[Path, ...], label: str, store: Path) -> ExitCode:
    """Merge the newest run of each STORE into another store.

    Cells that no shard measured are misses: exit code 3. Runs of different harness versions or
    plans are not merged.
    """
    run, joined = merge_stores(sources, store, label=label)
    circumstances = joined.circumstances
    grid = build_grid(joined.cells, joined.seen, circumstances.canaries)
    console = Console()
    print_grid(grid, console)
    notes = (*format_canaries(circumstances), *joined.notes)
    for message in (*notes, f"stored: run {run.id}"):
        say(message, console)
    return exit_code(grid)
