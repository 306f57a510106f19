"""``wheelgrid compare``: what changed between two runs, and what changed with it."""

from enum import StrEnum
from pathlib import Path

import click
from rich.console import Console

from harness.cli.command import Command
from harness.cli.options import query_option, store_option
from harness.compare import Comparison, compare_grids
from harness.errors import ExitCode
from harness.query import Query
from harness.report.changes import comparison_json, format_comparison
from harness.report.choice import chosen_changes
from harness.report.markdown import markdown_changes
from harness.report.runfile import Run
from harness.store.named import find_pair, known_past


class Format(StrEnum):
    """One way to write a comparison down."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


@click.command(
    cls=Command,
    example="wheelgrid compare last-night last\n"
    "wheelgrid compare before.json grid/run.json -q 'arch:ppc64le' --format markdown",
)
@click.argument("base")
@click.argument("run")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Format]),
    default=Format.TERMINAL.value,
    help="How to write it.",
)
@query_option
@store_option
def compare(*, base: str, run: str, form: str, query: Query, store: Path) -> ExitCode:
    """Say what changed from BASE to RUN, and what changed with it.

    Each is the id of a run, `last`, `last~1`, `last-night` or a run.json; `wheelgrid runs` lists
    them. Exits with 1 where a cell got worse; one that is missing on either side did not.
    """
    before, now = (named.run for named in find_pair(base, run, store))
    past = known_past((before, now), store)
    comparison = compare_grids(before.grid, now.grid, passports=past.passports, flaky=past.flaky)
    chosen = chosen_changes(comparison, query)
    _write(chosen, Format(form), before, now)
    return ExitCode.UNEXPECTED if chosen.worse else ExitCode.AS_EXPECTED


def _write(comparison: Comparison, form: Format, before: Run, now: Run) -> None:
    match form:
        case Format.TERMINAL:
            Console().print(format_comparison(comparison), end="", soft_wrap=True)
        case Format.MARKDOWN:
            click.echo(markdown_changes(comparison), nl=False)
        case Format.JSON:
            base, run = (each.circumstances.started_at for each in (before, now))
            click.echo(comparison_json(comparison, base=base, run=run), nl=False)
