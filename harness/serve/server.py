"""Run the service until it is stopped."""

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from harness.core.errors import UsageError
from harness.serve.access import Access, is_loopback, split_address
from harness.serve.render_process import RenderProcess
from harness.serve.service_app import make_application
from harness.serve.store_reader import StoreReader
from harness.serve.tokens import Tokens
from harness.store.run_store import open_store

GOODBYE = 2
"""Seconds that open requests have when the service is stopped; followers are cut off."""
MOST_CONNECTIONS = 500


def serve_store(
    store: Path, listen: str, *, public: bool, ready: Callable[[], None] = lambda: None
) -> None:
    """Serve the store on ``HOST:PORT`` until SIGINT or SIGTERM.

    ``ready`` is called when it answers.
    ``public``: reading needs no token on other addresses than loopback. A missing store is created
    and an older one is migrated. Raises ``StoreError``; ``UsageError`` for an address that is not
    loopback while there is no token, or one that cannot be used.
    """
    host, port = split_address(listen)
    tokens = Tokens(store)
    local = is_loopback(host)
    if not local and not tokens.names():
        raise UsageError(
            f"--listen {listen}: others reach this address, so a token is needed; "
            "`wheelgrid serve --new-token NAME` makes one"
        )
    with open_store(store, write=True):
        pass
    access = Access(tokens=tokens, open_reading=local or public)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(f"--listen {listen}: {error.strerror or error}; choose another") from error
    with listening, contextlib.closing(RenderProcess()) as renderer:
        config = uvicorn.Config(
            make_application(StoreReader(store), access, renderer, ready=ready),
            log_level="warning",
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=GOODBYE,
        )
        uvicorn.Server(config).run(sockets=[listening])
