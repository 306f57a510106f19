"""``wheelgrid plan``: list the cells that a run would probe, without the engine."""

import json
from pathlib import Path

import click

from harness.app.execute import choose_cells
from harness.cli.command import ExplainedCommand
from harness.cli.options import (
    changed_option,
    durations_option,
    matrix_option,
    project_matrix,
    query_option,
    selection_options,
    store_option,
)
from harness.matrix.checkout import choose_changed
from harness.matrix.plan import Selection
from harness.matrix.shards import MOST, github_matrix, shard_count, split_cells
from harness.report.console import Console, print_data
from harness.report.planned import cells_json, print_plan
from harness.results.query import Query
from harness.store.run_store import known_durations


@click.command(
    cls=ExplainedCommand,
    example='wheelgrid plan -k "s390x and not numpy"\n'
    "wheelgrid plan --profile nightly --format github --shards 20 --durations nightly.db\n"
    "wheelgrid plan --changed origin/main",
)
@selection_options
@changed_option
@query_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "github"]),
    default="table",
    help="json: one object per line and cell; github: a job matrix of shards.",
)
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option(
    "--shards",
    type=click.IntRange(min=1, max=MOST),
    metavar="N",
    help="Maximum number of shards; by default one per target.",
)
@durations_option
@store_option
@matrix_option
def plan(  # noqa: PLR0913 - one for each option
    *,
    selection: Selection,
    changed: str | None,
    query: Query,
    form: str,
    as_json: bool,
    shards: int | None,
    durations: Path | None,
    store: Path,
    matrix: Path,
) -> None:
    """Show the cells that a run would probe, or their shards."""
    read = project_matrix(matrix)
    cells = choose_cells(choose_changed(read, selection, changed, matrix), query, store)
    if form == "github":
        count = min(shards or MOST, shard_count(cells))
        split = split_cells(cells, count, known_durations(durations)) if cells else ()
        print_data(json.dumps(github_matrix(split)))
    elif as_json or form == "json":
        print_data(cells_json(cells), end="\n" if cells else "")
    else:
        print_plan(cells, Console())
