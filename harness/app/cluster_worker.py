"""Start Dask workers that serve the arches which the doctor finds here."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from distributed import LocalCluster, Nanny

from harness.app.cluster_identity import WorkerIdentity, own_identity
from harness.app.cluster_link import scheduler_identity
from harness.app.cluster_task import ENGINES, MATRIX
from harness.app.engine_wiring import open_pool
from harness.app.prober_options import TURN, ProberOptions
from harness.app.pytest_driver import RunOptions
from harness.core.arches import ARCHES, Arch, find_arch
from harness.core.engine_places import EnginePlace
from harness.core.errors import ClusterError, EngineError
from harness.host.doctor import Check, MachinePart, run_checks
from harness.host.engine.engine_errors import ADVICE

AWAY = 600.0
"""Seconds that a worker waits for a scheduler that is gone."""
WAIT = 2.0
MEMORY_LIMIT = 0
"""Dask's own limit is off: it counts this process, and probes have their containers' limits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerPower:
    """What a worker's engines run."""

    arches: tuple[str, ...]
    processors: int
    """Of the engines that cells of these arches try first."""


def worker_power(
    engines: Sequence[EnginePlace] = (), announce: Callable[[str], None] = lambda _: None
) -> WorkerPower:
    """Return what this machine's engine and declared ones run.

    ``announce`` gets a line about each declared one that fails. Raises ``EngineError`` if no
    engine answers.
    """
    checks = run_checks(ARCHES)
    lacking = next((c for c in checks if c.part is MachinePart.ENGINE and not c.ok), None)
    served = {arch for arch in ARCHES if not lacking and _runs(arch, checks)}
    options = ProberOptions(matrix_folder=Path(), engines=tuple(engines))
    with closing(open_pool(options, announce)) as pool:
        for arch in {find_arch(place.arch) for place in engines}:
            with suppress(EngineError):
                served |= {arch} if any(pooled.name for pooled in pool.ranked(arch)) else set()
        if not served:
            why, step = (lacking.detail, lacking.remedy) if lacking else ("none runs", ADVICE)
            raise EngineError(f"{why}; a worker needs a container engine: {step}")
        arches = [arch for arch in ARCHES if arch in served]
        return WorkerPower(
            arches=tuple(arch.name for arch in arches), processors=pool.processors(arches)
        )


def _runs(arch: Arch, checks: tuple[Check, ...]) -> bool:
    return any(
        c.ok and c.part is MachinePart.EMULATION and arch.name in c.name.split() for c in checks
    )


def serve(
    address: str,
    count: int,
    matrix: Path,
    engines: Sequence[EnginePlace],
    announce: Callable[[str], None],
) -> None:
    """Run ``count`` workers of the scheduler until interrupted; 0: one for each processor.

    If the scheduler ends, they wait for the next one at that address. Raises ``EngineError``
    without an engine, ``ClusterError`` if no scheduler answers, and ``UsageError`` for a word
    that is no address.
    """
    scheduler_identity(address)
    identity = own_identity(matrix)
    while True:
        power = worker_power(engines, announce)
        workers = count or power.processors
        announce(f"{address}: {workers} workers for {', '.join(power.arches)}")
        env = worker_environment(matrix, engines)
        asyncio.run(_serve_once(address, workers, identity.resources(power.arches), env))
        worker_power(engines)  # raises if no engine is left, which ends workers too
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


def worker_environment(matrix: Path, engines: Sequence[EnginePlace]) -> dict[str, str]:
    """Return the environment variables by which tasks find what their worker has."""
    return {MATRIX: str(matrix), ENGINES: json.dumps([*map(str, engines)])}


async def _serve_once(
    address: str, count: int, resources: dict[str, float], env: dict[str, str]
) -> None:
    """Run the workers until one of them has ended."""
    async with AsyncExitStack() as stack:
        nannies = [
            await stack.enter_async_context(
                Nanny(
                    address,
                    nthreads=1,
                    resources=resources,
                    memory_limit=MEMORY_LIMIT,
                    env={**env, TURN: str(number)},
                )
            )
            for number in range(count)
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
        resources=identity.resources(worker_power(options.prober.engines).arches),
        memory_limit=MEMORY_LIMIT,
        env=worker_environment(options.prober.matrix_folder, options.prober.engines),
    ) as cluster:
        yield cluster
