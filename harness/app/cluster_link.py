"""Reach a Dask scheduler: addresses, and what is wrong with one."""

import asyncio
from importlib.util import find_spec
from typing import Any

from harness.core.errors import ClusterError, UsageError

LOCAL = "local:"
"""Prefix of ``--on`` for a cluster of N processes on this machine."""
CONNECT_SECONDS = 10.0
START = "start one with `dask scheduler`, or use `--on local:N`"


def local_workers(on: str) -> int:
    """Return N of ``local:N``, 0 for an address. Raises ``UsageError``."""
    if not on.startswith(LOCAL):
        return 0
    count = on.removeprefix(LOCAL)
    if not (count.isdecimal() and int(count)):
        raise UsageError(f"--on {on!r}: write local:N with the number of workers, as local:4")
    return int(count)


def require_dask(on: str) -> None:
    """Check what ``--on`` names.

    Raises ``ClusterError`` if Dask is not installed or no scheduler answers, and ``UsageError``
    for a word that is no address.
    """
    if find_spec("distributed") is None:
        raise ClusterError("Dask is not installed; `pip install 'wheelgrid[dask]'` installs it")
    if not local_workers(on):
        scheduler_identity(on)


def scheduler_identity(address: str) -> dict[str, Any]:
    """Return what the scheduler says of itself.

    Raises ``UsageError`` for a word that is no address, and ``ClusterError`` if no scheduler of
    Dask answers there.
    """
    if "://" not in address:
        raise UsageError(f"{address!r}: write a scheduler's address, as tcp://scheduler:8786")
    try:
        found = asyncio.run(asyncio.wait_for(_identity(address), CONNECT_SECONDS))
    except ValueError as error:
        raise UsageError(f"{address}: {error}") from error
    except Exception as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ClusterError(
            f"{address}: no Dask scheduler answers there ({why}); {START}"
        ) from error
    kind = found.get("type") if isinstance(found, dict) else None
    if kind != "Scheduler":
        raise ClusterError(f"{address}: a Dask {kind} answers there, no scheduler; {START}")
    return dict(found)


async def _identity(address: str) -> Any:  # noqa: ANN401 - whatever answers
    from distributed.core import connect, send_recv  # noqa: PLC0415 - 0.5 s

    comm = await connect(address, timeout=CONNECT_SECONDS / 2)
    try:
        return await send_recv(comm, op="identity")
    finally:
        comm.abort()
