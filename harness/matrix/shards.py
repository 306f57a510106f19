"""Split a plan into shards for several machines, balanced by durations. Pure.

A target is never split, because its image is built and its session started once. The same cells
and durations give the same shards everywhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness.core.cells import Cell
from harness.core.errors import UsageError

MOST = 256
"""Maximum jobs of one matrix (docs.github.com, "Running variations of jobs in a workflow")."""
START = 10.0
"""Seconds before a target's first cell: image, interpreter, pip."""
UNKNOWN = 0.5
"""Seconds of a cell if no duration is known at all."""
HOSTED = {"x86_64": "x86_64", "i686": "x86_64", "aarch64": "aarch64"}
"""The hosted runner that executes each arch without emulation; other arches are emulated.

Not armv7l: not every aarch64 machine can run 32-bit programs.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One shard of a plan."""

    number: int
    of: int
    cells: tuple[Cell, ...]
    seconds: float
    """Estimated duration with one worker."""

    @property
    def name(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.target.key for cell in self.cells))

    @property
    def arches(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.target.arch_name for cell in self.cells))

    @property
    def machine(self) -> str:
        """The runner that executes all cells without emulation; empty if missing."""
        machines = {HOSTED.get(arch, "") for arch in self.arches}
        return machines.pop() if len(machines) == 1 else ""


def parse_shard(text: str) -> tuple[int, int]:
    """Return K and N of ``K/N``. Raises ``UsageError``."""
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise UsageError(f"--shard {text!r}: write it as K/N, for example 2/5")
    return int(number), int(of)


def shard_count(cells: Sequence[Cell]) -> int:
    """Return the maximum number of shards: one per target, up to ``MOST``."""
    return min(MOST, len({cell.target.key for cell in cells}))


def split_cells(
    cells: Sequence[Cell], count: int, durations: Mapping[str, float]
) -> tuple[Shard, ...]:
    """Return ``count`` shards of similar duration, with arches separated if ``count`` allows it.

    ``durations``: known seconds by cell id. Raises ``UsageError`` if there are fewer targets than
    shards.
    """
    targets: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        targets[cell.target.key].append(cell)
    if not 1 <= count <= len(targets):
        raise UsageError(
            f"{count} shards of {len(targets)} targets: a target is not split; "
            f"take {len(targets)} at most"
        )
    usual = median(durations.values()) if durations else UNKNOWN
    loads = {
        key: START + sum(durations.get(cell.id, usual) for cell in of_it)
        for key, of_it in targets.items()
    }
    packed = [keys for group, share in _shares(loads, count) for keys in _pack(group, loads, share)]
    return tuple(
        Shard(
            number=number,
            of=count,
            cells=tuple(cell for cell in cells if cell.target.key in keys),
            seconds=round(sum(loads[key] for key in keys), 1),
        )
        for number, keys in enumerate(packed, start=1)
    )


def find_shard(cells: Sequence[Cell], name: str, durations: Mapping[str, float]) -> Shard:
    """Return the shard ``K/N`` of the cells. Raises ``UsageError``."""
    number, of = parse_shard(name)
    return split_cells(cells, of, durations)[number - 1]


def github_matrix(shards: Iterable[Shard]) -> dict[str, list[dict[str, object]]]:
    """Return the shards as a job matrix of a workflow, for ``fromJSON``."""
    return {
        "include": [
            {
                "shard": shard.name,
                "machine": shard.machine or HOSTED["x86_64"],
                "native": bool(shard.machine),
                "arches": " ".join(shard.arches),
                "targets": len(shard.targets),
                "cells": len(shard.cells),
                "seconds": shard.seconds,
            }
            for shard in shards
        ]
    }


def _shares(loads: Mapping[str, float], count: int) -> list[tuple[list[str], int]]:
    """Return target groups with their number of shards: one group per arch, or one for all."""
    arches: dict[str, list[str]] = defaultdict(list)
    for key in loads:
        arches[key.partition("/")[2]].append(key)
    if count < len(arches):
        return [(list(loads), count)]
    shares = dict.fromkeys(arches, 1)

    def burden(arch: str) -> float:
        """Return the load per shard of the arch; 0 if it cannot be split further."""
        whole = sum(loads[key] for key in arches[arch])
        return whole / shares[arch] if shares[arch] < len(arches[arch]) else 0.0

    for _ in range(count - len(arches)):
        shares[max(arches, key=burden)] += 1
    return [(keys, shares[arch]) for arch, keys in arches.items()]


def _pack(keys: Sequence[str], loads: Mapping[str, float], count: int) -> list[set[str]]:
    """Assign the longest target first to the least loaded shard (LPT: at most 4/3 of optimal)."""
    shards: list[set[str]] = [set() for _ in range(count)]
    weights = [0.0] * count
    for key in sorted(keys, key=lambda key: (-loads[key], key)):
        least = weights.index(min(weights))
        shards[least].add(key)
        weights[least] += loads[key]
    return shards
