"""``wheelgrid run``: probe cells and show the grid."""

import os
from dataclasses import replace
from pathlib import Path

import click

from harness.app.conclusions import Conclude, count_disagreements, require_met
from harness.app.execute import RunShard, choose_cells, resume_run, run_cells
from harness.app.pytest_driver import RunOptions
from harness.cli.command import ExplainedCommand
from harness.cli.options import (
    SELECTING,
    canaries_option,
    changed_option,
    durations_option,
    project_matrix,
    query_option,
    selection_options,
    strict_prediction_option,
)
from harness.cli.run_options import run_options
from harness.cli.settings import is_typed
from harness.core.errors import ExitCode, UsageError
from harness.matrix.checkout import choose_changed
from harness.matrix.plan import Selection, all_cells
from harness.matrix.shard_env import AUTO, shard_of
from harness.matrix.shards import find_shard
from harness.report.console import Console, say
from harness.results.grid import exit_code
from harness.results.query import Query
from harness.store.run_store import known_durations


@click.command(
    cls=ExplainedCommand,
    example='wheelgrid run --target "debian-1*" --arch s390x --subject numpy\n'
    "wheelgrid run -q 'outcome:miss,import-failed'     # what failed last\n"
    "wheelgrid run --resume",
)
@selection_options
@changed_option
@query_option
@click.option(
    "--resume",
    is_flag=False,
    flag_value="last",
    metavar="[RUN]",
    help="Resume a stored run that was killed or missed cells; the last one by default.",
)
@click.option(
    "--shard",
    metavar="K/N|auto",
    help="Run only this shard; `wheelgrid merge` merges all of them. auto: as the scheduler "
    "numbers this task (Slurm, Kubernetes, GitLab, Buildkite, CircleCI).",
)
@durations_option
@strict_prediction_option
@canaries_option
@run_options
def run(  # noqa: PLR0913 - one for each option
    *,
    selection: Selection,
    changed: str | None,
    query: Query,
    resume: str | None,
    shard: str | None,
    durations: Path | None,
    strict_prediction: bool,
    canaries: bool,
    options: RunOptions,
) -> ExitCode:
    """Probe cells, show the grid, and write run.json and junit.xml.

    Results are stored as cells finish, and reused while nothing that they depend on changes.
    """
    console = Console()
    if shard == AUTO:
        shard, by = shard_of(os.environ)
        say(f"shard {shard}, as {by} numbers it", console)
    options = replace(options, prober=replace(options.prober, canaries=canaries))
    conclude: Conclude = exit_code
    if strict_prediction:
        conclude = count_disagreements(exit_code, console)
    if resume is not None:
        if is_typed(*SELECTING, "query", "shard", "changed"):
            raise UsageError("--resume runs the cells of that run; do not select others")
        return resume_run(resume, options, console, conclude=conclude)
    folder = options.prober.matrix_folder
    matrix = project_matrix(folder)
    cells = choose_changed(matrix, selection, changed, folder)
    if not cells:
        say(f"no cell is affected by the changes since {changed}", console)
        return ExitCode.AS_EXPECTED
    cells = choose_cells(cells, query, options.store)
    if shard is None:
        conclude = require_met(conclude, all_cells(matrix), console)
        return run_cells(cells, options, console, conclude=conclude)
    part = find_shard(cells, shard, known_durations(durations))
    share = RunShard(name=part.name, whole=cells)
    return run_cells(part.cells, options, console, share=share, conclude=conclude)
