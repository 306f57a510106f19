"""``wheelgrid push``: send a stored run to a service."""

from pathlib import Path

import click

from harness.cli.command import ExplainedCommand
from harness.cli.options import store_option
from harness.report.console import Console, say
from harness.serve.push import push_run


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid push https://grid.example.org last-night",
)
@click.argument("url")
@click.argument("run", default="last", metavar="[RUN]")
@click.option(
    "--token",
    envvar="WHEELGRID_TOKEN",
    required=True,
    metavar="TOKEN",
    help="A token of the service; by default $WHEELGRID_TOKEN, which no process list shows.",
)
@store_option
def push(*, url: str, run: str, token: str, store: Path) -> None:
    """Send a stored run to a service.

    URL is the address of a `wheelgrid serve`.

    RUN is a name as `wheelgrid runs` lists it, the last one by default. A push that was cut goes
    on where it ended, and what is there is not sent twice.
    """
    console = Console()
    sent = push_run(
        store,
        run,
        url,
        token.strip(),
        told=lambda line: say(line, console),
    )
    say(f"run {sent.id} is there: {url.rstrip('/')}/runs/{sent.id}", console)
