"""``wheelgrid report``: write a run as a page, a summary, a badge or a feed."""

from dataclasses import replace
from pathlib import Path

import click

from harness.app.wiring import open_passports
from harness.cli.command import ExplainedCommand
from harness.cli.options import matrix_option, query_option, store_option
from harness.cli.settings import project_config
from harness.report.console import print_data
from harness.report.formats import Format, render_report
from harness.results.choice import chosen_cells
from harness.results.past import NO_STORED_FACTS, in_order
from harness.results.query import Query
from harness.results.runfile import write_whole
from harness.store.run_lookup import find_run, known_past


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid report --format html -o grid.html\n"
    "wheelgrid report last --format markdown --earlier last-night -q 'arch:s390x'",
)
@click.argument("run", default="grid/run.json", metavar="[RUN]")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Format]),
    default=Format.HTML.value,
    help="Output format.",
)
@click.option(
    "--earlier",
    multiple=True,
    metavar="RUN",
    help="Earlier run for the history; the newest one is compared with.",
)
@click.option("--subject", metavar="ID", help="Subject of the badge, if the run has several.")
@click.option(
    "-o", "out", type=click.Path(path_type=Path), metavar="FILE", help="Instead of standard output."
)
@query_option
@store_option
@matrix_option
def report(  # noqa: PLR0913 - one for each option
    *,
    run: str,
    form: Format,
    earlier: tuple[str, ...],
    subject: str | None,
    out: Path | None,
    query: Query,
    store: Path,
    matrix: Path,
) -> None:
    """Write a report of a run.

    RUN is a run.json, grid/run.json by default, or a stored run as `wheelgrid runs` lists it: its
    id, `last`, `last-night`. Stored runs include their history. An html page is self-contained.
    """
    before = in_order([find_run(name, store).run for name in earlier])
    named = find_run(run, store)
    known = known_past((*before, named.run), store) if named.id else NO_STORED_FACTS
    text = render_report(
        chosen_cells(named.run, query),
        Format(form),
        earlier=before,
        subject=subject,
        known=replace(known, recorded=open_passports(matrix, project_config()).recorded),
    )
    if out is None:
        print_data(text, end="")
    else:
        write_whole(out, text.encode())
