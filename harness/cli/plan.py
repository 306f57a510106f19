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
from harness.cli.settings import is_typed
from harness.core.errors import UsageError
from harness.matrix.checkout import choose_changed
from harness.matrix.plan import Selection
from harness.matrix.shards import MOST, github_matrix, shard_count, split_cells
from harness.report.console import Console, print_data
from harness.report.job_files import GITLAB_MOST, PlannedJob, gitlab_job, kubernetes_job, slurm_job
from harness.report.planned import cells_json, print_plan
from harness.results.query import Query
from harness.store.run_store import known_durations

JOB_FILES = {"gitlab": gitlab_job, "slurm": slurm_job, "kubernetes": kubernetes_job}


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
    type=click.Choice(["table", "json", "github", *JOB_FILES]),
    default="table",
    help="json: one object per line and cell; github: a job matrix of shards; gitlab, slurm, "
    "kubernetes: a job file that runs the shards.",
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
    if form == "github" or form in JOB_FILES:
        most = GITLAB_MOST if form == "gitlab" else MOST
        count = min(shards or most, most, shard_count(cells))
        split = split_cells(cells, count, known_durations(durations)) if cells else ()
        if form == "github":
            print_data(json.dumps(github_matrix(split)))
            return
        if not split:
            raise UsageError(f"--format {form}: no cell is selected, so there is no job")
        words = _words(selection, changed, query, durations)
        print_data(JOB_FILES[form](PlannedJob(shards=split, words=words)), end="")
    elif as_json or form == "json":
        print_data(cells_json(cells), end="\n" if cells else "")
    else:
        print_plan(cells, Console())


def _words(
    selection: Selection, changed: str | None, query: Query, durations: Path | None
) -> tuple[str, ...]:
    """Return the words that let `run` select the same cells."""
    options = (
        ("-k", (selection.keyword,)),
        ("--target", selection.targets),
        ("--arch", selection.arches),
        ("--subject", selection.subjects),
        ("--profile", (selection.profile,)),
        ("--changed", (changed,)),
        ("-q", (query.text,)),
        ("--durations", (durations,)),
    )
    words = [word for option, values in options for v in values if v for word in (option, str(v))]
    if is_typed("matrix"):
        words += ["--matrix", str(click.get_current_context().params["matrix"])]
    return tuple(words)
