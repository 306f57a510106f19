"""``wheelgrid serve``: show a store to a team."""

from pathlib import Path

import click

from harness.cli.command import ExplainedCommand
from harness.cli.options import store_option
from harness.core.errors import UsageError
from harness.report.console import print_data, say

MISSING = "the service needs `pip install 'wheelgrid[serve]'`"


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid serve\n"
    "wheelgrid serve --new-token nightly\n"
    "wheelgrid serve --listen 0.0.0.0:8421 --public",
)
@click.option(
    "--listen",
    default="127.0.0.1:8421",
    metavar="HOST:PORT",
    help="Address. Other machines reach others than loopback, so a token is needed there.",
)
@click.option(
    "--public", is_flag=True, help="Reading needs no token, wherever the service listens."
)
@click.option("--new-token", metavar="NAME", help="Make a token, show it once, and end.")
@click.option("--revoke", metavar="NAME", help="Remove a token, and end.")
@store_option
def serve(
    *, listen: str, public: bool, new_token: str | None, revoke: str | None, store: Path
) -> None:
    """Serve the stored runs: pages, an API, live runs.

    It reads the store that `wheelgrid run` writes, also while it does. `wheelgrid push` sends runs
    of other machines to it.
    """
    try:
        from harness.serve.server import serve_store  # noqa: PLC0415 - an extra
        from harness.serve.tokens import Tokens  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(MISSING) from error
    if new_token is not None:
        print_data(Tokens(store).add(new_token))
        return
    if revoke is not None:
        Tokens(store).remove(revoke)
        return
    words = f"http://{listen}/ shows {store}; Ctrl-C ends it"
    serve_store(store, listen, public=public, ready=lambda: say(words))
