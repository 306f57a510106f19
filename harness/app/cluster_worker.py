"""Start Dask workers that serve the arches which the doctor finds here."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from distributed import LocalCluster, Nanny

from harness.app.cluster_identity import WorkerIdentity, own_identity
from harness.app.cluster_link import scheduler_identity
from harness.app.cluster_task import MATRIX
from harness.app.pytest_driver import RunOptions
from harness.core.arches import ARCHES, Arch
from harness.core.errors import ClusterError, EngineError
from harness.host.doctor import Check, MachinePart, run_checks

AWAY = 600.0
"""Seconds that a worker waits for a scheduler that is gone."""
WAIT = 2.0
MEMORY_LIMIT = 0
"""Dask's own limit is off: it counts this process, and probes have their containers' limits."""


def served_arches() -> tuple[str, ...]:
    """Return the arches whose programs run here. Raises ``EngineError`` without an engine."""
    checks = run_checks(ARCHES)
    for check in checks:
        if check.part is MachinePart.ENGINE and not check.ok:
            raise EngineError(f"{check.detail}; a worker needs a container engine: {check.remedy}")
    return tuple(arch.name for arch in ARCHES if _runs(arch, checks))


def _runs(arch: Arch, checks: tuple[Check, ...]) -> bool:
    return any(
        c.ok and c.part is MachinePart.EMULATION and arch.name in c.name.split() for c in checks
    )


def serve(address: str, count: int, matrix: Path, announce: Callable[[str], None]) -> None:
    """Run ``count`` workers of the scheduler until interrupted.

    If the scheduler ends, they wait for the next one at that address. Raises ``EngineError``
    without an engine, ``ClusterError`` if no scheduler answers, and ``UsageError`` for a word
    that is no address.
    """
    scheduler_identity(address)
    identity = own_identity(matrix)
    while True:
        arches = served_arches()
        announce(f"{address}: {count} workers for {', '.join(arches)}")
        asyncio.run(_serve_once(address, count, identity.resources(arches), matrix))
        served_arches()  # raises if the engine is gone, which ends workers too
        announce(f"{address}: the scheduler is gone; waiting for another one")
        _await_scheduler(address)


def _await_scheduler(address: str) -> None:
    deadline = time.monotonic() + AWAY
    while True:
        try:
            scheduler_identity(address)
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(WAIT)
        else:
            return


async def _serve_once(address: str, count: int, resources: dict[str, float], matrix: Path) -> None:
    """Run the workers until one of them has ended."""
    async with AsyncExitStack() as stack:
        nannies = [
            await stack.enter_async_context(
                Nanny(
                    address,
                    nthreads=1,
                    resources=resources,
                    memory_limit=MEMORY_LIMIT,
                    env={MATRIX: str(matrix)},
                )
            )
            for _ in range(count)
        ]
        await asyncio.wait(
            [asyncio.ensure_future(nanny.finished()) for nanny in nannies],
            return_when=asyncio.FIRST_COMPLETED,
        )


@contextmanager
def local_cluster(
    count: int, options: RunOptions, identity: WorkerIdentity
) -> Iterator[LocalCluster]:
    """Start a scheduler and ``count`` workers on this machine. Raises ``EngineError``."""
    with LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        resources=identity.resources(served_arches()),
        memory_limit=MEMORY_LIMIT,
        env={MATRIX: str(options.matrix)},
    ) as cluster:
        yield cluster
