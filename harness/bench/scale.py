"""Simulate large runs on many workers: ``python -m harness.bench.scale [STORE]``.

The units are cut by ``matrix.units``, as ``run --on`` cuts them, and placed on the first idle
worker that serves them, the longest first. What is measured, and where:

- durations of cells, the share of cells that miss, the start of a target, the time for an image
  and the size of a wheel: in STORE, a store of runs, else those below, of runs on two cores
- what an image's packages weigh: in the package locks of the matrix
- the cost of a Dask task: on a cluster that is started for it

What is assumed: every worker has a machine like the measured one and an empty cache of its own;
a replica's parts weigh as much as a distribution's packages; a worker is lost as often as a cell
misses. What is printed for each size::

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
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median

from harness.app.wiring import read_matrix
from harness.core.cells import Cell, Outcome
from harness.core.subjects import IndexSource, Subject
from harness.core.targets import Target
from harness.host.package_data import matrix_folder
from harness.images.debian.package_lock import read_locks
from harness.matrix.units import WorkUnit, cut_units
from harness.store import open_store

WORKERS = (1, 5, 20, 100, 500)
CELLS = (5_000, 50_000, 500_000)
MADE = 1.0
"""Seconds for an image below which it counts as present before the run."""
PROBES = 100
"""Tasks for the measurement of a task's cost."""
SEED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredCosts:
    """What the simulation takes from measurements. Times are in seconds, sizes in bytes."""

    cell: Mapping[str, tuple[float, ...]]
    """A cell on each arch: a sample."""
    failing: float
    """Share of units that a worker must begin again."""
    start: float
    """Until a target's first cell: container, interpreter, installer."""
    image: float
    """To obtain an image that the worker's engine lacks."""
    image_bytes: int
    """The packages of an image."""
    wheel_bytes: int
    task: float
    """The scheduler's time for one task."""


KNOWN = MeasuredCosts(
    # Means of the quarters of 3,553 results of ten runs on two cores.
    cell={
        "x86_64": (0.0084, 0.046, 0.17, 2.4),
        "i686": (0.0072, 0.07, 0.12, 0.95),
        "aarch64": (0.031, 0.18, 0.57, 7.5),
        "armv7l": (0.00085, 0.014, 0.15, 4.5),
        "ppc64le": (0.0013, 0.095, 0.26, 6),
        "riscv64": (0.0036, 0.12, 0.29, 2),
        "s390x": (0.0013, 0.061, 0.27, 5.8),
    },
    failing=1 / 3553,
    # A run with an empty cache: 26 images, of which some have a compiled interpreter.
    start=91.9 / 26,
    image=542.8 / 26,
    image_bytes=27 << 20,
    wheel_bytes=800 << 10,
    task=0.003,
)


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
        spent = costs.start
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


def stored_costs(path: Path) -> MeasuredCosts:
    """Return the costs with what the runs of a store show. Raises ``StoreError``."""
    cell: dict[str, list[float]] = {}
    wheels: dict[str, int] = {}
    starts: list[float] = []
    images: list[float] = []
    missed = total = 0
    with open_store(path) as store:
        for run in store.runs():
            measured = set()
            for seen in store.observations(run, logs=False):
                total += 1
                missed += seen.outcome is Outcome.MISS
                if seen.wheel:
                    wheels[seen.wheel.sha256] = seen.wheel.size
                if not seen.cached and seen.outcome is not Outcome.MISS:
                    measured.add(seen.cell.rpartition("/")[0])
                    arch = seen.cell.split("/")[1].partition("@")[0]
                    cell.setdefault(arch, []).append(seen.seconds.get("total", 0.0))
            phases = store.circumstances(run).phases
            if measured:
                starts.append(phases.get("sessions", 0.0) / len(measured))
                images.append(phases.get("images", 0.0) / len(measured))
    return replace(
        KNOWN,
        cell={**KNOWN.cell, **{arch: tuple(seconds) for arch, seconds in cell.items()}},
        failing=missed / total if total else KNOWN.failing,
        start=median(starts or [KNOWN.start]),
        image=max([each for each in images if each > MADE], default=KNOWN.image),
        wheel_bytes=int(mean(wheels.values())) if wheels else KNOWN.wheel_bytes,
    )


def image_bytes(folder: Path) -> int:
    """Return the mean size of the packages of an image with a Python, as the locks pin them."""
    sizes = []
    for lock in read_locks(folder).values():
        for wanted in lock.sets.values():
            if wanted.depends and any(name.startswith("python3") for name in wanted.names):
                found = lock.find(wanted) or ()
                common = sum(file.size for file in found if file.arch == "all")
                sizes += [
                    common + sum(file.size for file in found if file.arch == arch)
                    for arch in wanted.arches
                ]
    return int(mean(sizes)) if sizes else KNOWN.image_bytes


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
    """Measure, simulate and print."""
    costs = replace(
        stored_costs(Path(words[0])) if words else KNOWN,
        image_bytes=image_bytes(matrix_folder()),
        task=task_seconds(),
    )
    targets = read_matrix(matrix_folder()).targets
    print(  # noqa: T201 - the page
        f"{len(targets)} images of {costs.image_bytes / 1e6:.0f} MB in {costs.image:.1f} s, "
        f"{costs.start:.1f} s for a start; wheels of {costs.wheel_bytes / 1e6:.1f} MB; "
        f"a task costs {costs.task * 1e3:.1f} ms; {costs.failing:.2%} of the units fail\n"
        "   cells workers  units    makespan       ideal          moved images"
    )
    for count in CELLS:
        cells = grown_cells(targets, count)
        for workers in WORKERS:
            print(format_simulated(simulate(cells, workers, costs)).rstrip())  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
