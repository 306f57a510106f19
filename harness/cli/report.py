"""``wheelgrid report``: a run as a page, a summary, a badge, a feed."""

from pathlib import Path

import click

from harness.cli.command import Command
from harness.cli.options import matrix_option
from harness.report.formats import Format, render_report
from harness.report.past import in_order
from harness.report.runfile import read_run, write_whole
from harness.wiring import open_passports


@click.command(
    cls=Command,
    example="wheelgrid report --format html -o grid.html\n"
    "wheelgrid report grid/run.json --format markdown --earlier last-night/run.json",
)
@click.argument(
    "run", type=click.Path(path_type=Path), default=Path("grid/run.json"), metavar="[RUN]"
)
@click.option(
    "--format", "form", type=click.Choice(list(Format)), default=Format.HTML, help="What to write."
)
@click.option(
    "--earlier",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="RUN",
    help="Earlier runs: the newest of them is compared with, all are history.",
)
@click.option("--subject", metavar="ID", help="Whose badge; needed where the run has several.")
@click.option(
    "-o", "out", type=click.Path(path_type=Path), metavar="FILE", help="Standard output otherwise."
)
@matrix_option
def report(
    *,
    run: Path,
    form: Format,
    earlier: tuple[Path, ...],
    subject: str | None,
    out: Path | None,
    matrix: Path,
) -> None:
    """Write a run down for people or for programs.

    RUN is a run.json, grid/run.json by default. An html page needs nothing beside itself.
    """
    before = in_order([read_run(path) for path in earlier])
    text = render_report(
        read_run(run),
        Format(form),
        earlier=before,
        subject=subject,
        recorded=open_passports(matrix).recorded,
    )
    if out is None:
        click.echo(text, nl=False)
    else:
        write_whole(out, text.encode())
