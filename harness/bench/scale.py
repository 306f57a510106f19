"""Simulate large runs on many workers: ``python -m harness.bench.scale [STORE]``.

The units are cut by ``matrix.units``, as ``run --on`` cuts them, and placed on the first idle
worker that serves them, the longest first. Durations of cells, the share of cells that miss, the
start of a target and the cost of a Dask task are measured: those of STORE, a store of runs, or
else those below; the task on a cluster that is started for it. What is printed for each size::

    makespan  until the last unit ends
    ideal     the work of the cells alone, divided evenly
    moved     images and wheels that workers fetch
    images    share of the workers' time for images and starts; * where that is the larger half
"""

import heapq
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.app.wiring import read_matrix
from harness.core.cells import Cell, Outcome
from harness.core.subjects import IndexSource, Subject
from harness.core.targets import Target
from harness.host.package_data import matrix_folder
from harness.matrix.units import WorkUnit, cut_units
from harness.store import open_store

WORKERS = (1, 5, 20, 100, 500)
CELLS = (5_000, 50_000, 500_000)
PROBES = 100
"""Tasks for the measurement of a task's cost."""
SEED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredCosts:
    """What the simulation takes from measurements."""

    cell: Mapping[str, tuple[float, ...]]
    """Seconds of a cell on each arch: a sample."""
    failing: float
    """Share of units that a worker must begin again."""
    start: Mapping[str, float]
    """Seconds until a target's first cell on each arch: pytest, container, interpreter. Of one
    run on one machine."""
    image: float = 8.0
    """Seconds to obtain an image that the worker's engine lacks: assumed, for a fast network."""
    image_bytes: int = 95 << 20
    """Bytes of an image's packages: of Debian's targets 83 to 95 MiB."""
    wheel_bytes: int = 1 << 20
    """Bytes of a wheel: assumed."""
    task: float = 0.003
    """Seconds of the scheduler for one task."""


KNOWN = MeasuredCosts(
    # Means and 95th percentiles of a store with 4,562 results, on two cores under load.
    cell={
        "x86_64": (0.05, 0.05, 0.4, 0.8),
        "i686": (0.05, 0.05, 0.4, 0.8),
        "aarch64": (0.13, 0.13, 1.2, 3.2),
        "armv7l": (0.05, 0.05, 0.3, 0.9),
        "ppc64le": (0.1, 0.1, 1.0, 1.4),
        "riscv64": (0.05, 0.05, 0.4, 0.9),
        "s390x": (0.07, 0.07, 0.9, 1.8),
    },
    failing=3 / 4562,
    start={"x86_64": 3.4, "i686": 3.4},
)
EMULATED_START = 6.0
"""Seconds until a target's first cell under emulation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedRun:
    """What a run of some size would take."""

    workers: int
    cells: int
    units: int
    makespan: float
    """Seconds."""
    ideal: float
    """Seconds."""
    moved: int
    """Bytes."""
    image_share: float


def simulate(
    cells: Sequence[Cell], workers: int, costs: MeasuredCosts, seed: int = SEED
) -> SimulatedRun:
    """Return what a run of the cells on that many workers would take. The same seed gives the same.

    A unit that fails has lost a random part of its time and is begun again by the next idle
    worker.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    durations = {c.id: chance.choice(costs.cell[c.target.arch_name]) for c in cells}
    units = cut_units(cells, workers, durations)
    idle = [(0.0, number) for number in range(workers)]
    images: list[set[str]] = [set() for _ in range(workers)]
    wheels: list[set[str]] = [set() for _ in range(workers)]
    submitted, overhead, moved, end = 0.0, 0.0, 0, 0.0
    for unit in _with_failures(units, costs.failing, chance):
        submitted += costs.task
        free, worker = heapq.heappop(idle)
        target = unit.cells[0].target
        spent = costs.start.get(target.arch_name, EMULATED_START)
        if target.key not in images[worker]:
            images[worker].add(target.key)
            spent += costs.image
            moved += costs.image_bytes
        new = {cell.subject.id for cell in unit.cells} - wheels[worker]
        wheels[worker] |= new
        moved += len(new) * costs.wheel_bytes
        overhead += spent
        done = max(free, submitted) + spent + unit.seconds
        end = max(end, done)
        heapq.heappush(idle, (done, worker))
    work = sum(durations.values())
    return SimulatedRun(
        workers=workers,
        cells=len(cells),
        units=len(units),
        makespan=end,
        ideal=work / workers,
        moved=moved,
        image_share=overhead / (overhead + work),
    )


def _with_failures(
    units: Sequence[WorkUnit], failing: float, chance: random.Random
) -> Iterator[WorkUnit]:
    """Yield the units, and before some of them the part of it that is lost."""
    for unit in units:
        if chance.random() < failing:
            lost = unit.seconds * chance.random()
            yield WorkUnit(name=unit.name, cells=unit.cells, seconds=lost)
        yield unit


def grown_cells(targets: Sequence[Target], count: int) -> list[Cell]:
    """Return ``count`` cells: as many subjects on each target as it takes."""
    cells: list[Cell] = []
    for number in range(-(-count // len(targets))):
        subject = Subject(
            id=f"wheel-{number}",
            group="",
            source=IndexSource(name=f"wheel-{number}", version="1"),
            imports=(),
        )
        cells += [Cell(target=target, subject=subject) for target in targets]
    return cells[:count]


def measured_costs(path: Path, task: float) -> MeasuredCosts:
    """Return the costs with durations and misses of a store. Raises ``StoreError``."""
    cell: dict[str, list[float]] = {}
    missed = total = 0
    with open_store(path) as store:
        for run in store.runs():
            for seen in store.observations(run, logs=False):
                total += 1
                missed += seen.outcome is Outcome.MISS
                if not seen.cached and seen.outcome is not Outcome.MISS:
                    arch = seen.cell.split("/")[1].partition("@")[0]
                    cell.setdefault(arch, []).append(seen.seconds.get("total", 0.0))
    found = {arch: tuple(seconds) for arch, seconds in cell.items()}
    return MeasuredCosts(
        cell={**KNOWN.cell, **found},
        failing=missed / total if total else KNOWN.failing,
        start=KNOWN.start,
        task=task,
    )


def task_seconds(count: int = PROBES) -> float:
    """Return the seconds that a scheduler of Dask on loopback takes for a task of ours.

    Its workers do nothing but return the bytes of some hundred lines of a journal.
    """
    from distributed import Client, LocalCluster, wait  # noqa: PLC0415 - Dask is optional

    lines = ["x" * 2_000] * 30
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        wait(client.submit(len, lines, pure=False))
        start = time.perf_counter()
        cells = b"c" * 30_000  # a cell list
        futures = [client.submit(_nothing, cells, lines, pure=False) for _ in range(count)]
        client.gather(futures)
        return (time.perf_counter() - start) / count


def _nothing(_: bytes, lines: list[str]) -> list[str]:
    return lines


def format_simulated(run: SimulatedRun) -> str:
    """Return a line of the table."""
    mark = "*" if run.image_share > 0.5 else " "  # noqa: PLR2004 - the larger half
    return (
        f"{run.cells:>8,} {run.workers:>7} {run.units:>6} {run.makespan:>9,.0f} s "
        f"{run.ideal:>9,.0f} s {run.ideal / run.makespan:>5.0%} {run.moved / 1e9:>7,.1f} GB "
        f"{run.image_share:>5.0%} {mark}"
    )


def main(words: Sequence[str]) -> None:
    """Measure a task, simulate and print."""
    task = task_seconds()
    costs = measured_costs(Path(words[0]), task) if words else MeasuredCosts(
        cell=KNOWN.cell, failing=KNOWN.failing, start=KNOWN.start, task=task
    )  # fmt: skip
    targets = read_matrix(matrix_folder()).targets
    print(  # noqa: T201 - the page
        f"{len(targets)} images; a task costs {task * 1e3:.1f} ms; "
        f"{costs.failing:.2%} of the units fail\n"
        "   cells workers  units    makespan       ideal          moved images"
    )
    for count in CELLS:
        cells = grown_cells(targets, count)
        for workers in WORKERS:
            print(format_simulated(simulate(cells, workers, costs)).rstrip())  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
