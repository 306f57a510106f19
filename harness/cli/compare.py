"""``wheelgrid compare``: what changed between two runs, and the recorded differences beside it."""

from dataclasses import replace
from enum import StrEnum

import click

from harness.app.execute import run_again
from harness.app.pytest_driver import RunOptions
from harness.cli.command import ExplainedCommand
from harness.cli.options import query_option
from harness.cli.run_options import run_options
from harness.core.errors import ExitCode
from harness.report.changes import comparison_json, format_comparison
from harness.report.console import Console, print_data, say
from harness.report.markdown import markdown_changes
from harness.results.choice import chosen_changes
from harness.results.compare import Comparison, compare_grids, confirm, regressed_cells
from harness.results.query import Query
from harness.results.runfile import Run
from harness.store import default_store
from harness.store.run_lookup import find_pair, known_past


class ComparisonFormat(StrEnum):
    """Output format of a comparison."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid compare last-night last\n"
    "wheelgrid compare before.json grid/run.json -q 'arch:ppc64le' --format markdown\n"
    "wheelgrid compare last-night last --confirm --images local",
)
@click.argument("base")
@click.argument("run")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in ComparisonFormat]),
    default=ComparisonFormat.TERMINAL.value,
    help="Output format.",
)
@query_option
@click.option(
    "--confirm",
    "again",
    is_flag=True,
    help="Run regressed cells of RUN again, and report only those that fail again.",
)
@run_options
def compare(
    *, base: str, run: str, form: str, query: Query, again: bool, options: RunOptions
) -> ExitCode:
    """Show which cells and recorded inputs changed from BASE to RUN.

    Each is a run id, `last`, `last~1`, `last-night` or a run.json; `wheelgrid runs` lists the
    ids. Exits 1 if a cell regressed; a cell that one of the runs misses does not count.
    """
    store = options.store or default_store()
    base_run, named = find_pair(base, run, store)
    before, now = base_run.run, named.run
    past = known_past((before, now), store)
    comparison = compare_grids(before.grid, now.grid, passports=past.passports, flaky=past.flaky)
    chosen = chosen_changes(comparison, query)
    if again and (cells := regressed_cells(chosen)):
        options = replace(options, out=options.out / "confirm")
        seen = run_again(cells, named.id, options, Console(stderr=True))
        chosen = confirm(chosen, seen, passports=past.passports)
    _write(chosen, ComparisonFormat(form), before, now)
    return ExitCode.UNEXPECTED if chosen.worse else ExitCode.AS_EXPECTED


def _write(comparison: Comparison, form: ComparisonFormat, before: Run, now: Run) -> None:
    match form:
        case ComparisonFormat.TERMINAL:
            say(format_comparison(comparison), Console(), end="")
        case ComparisonFormat.MARKDOWN:
            print_data(markdown_changes(comparison), end="")
        case ComparisonFormat.JSON:
            base, run = (each.circumstances.started_at for each in (before, now))
            print_data(comparison_json(comparison, base=base, run=run), end="")
