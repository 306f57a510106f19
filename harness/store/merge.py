"""Merge the shards of a run into one run, and report problems.

A cell that no shard measured is a miss; one that was measured twice counts once. Runs of different
harness versions or plans are not merged.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core.canary_check import latest_checks
from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import UsageError
from harness.core.observations import Observation
from harness.results.grid import build_grid, exit_code
from harness.results.runfile import Circumstances
from harness.store.repeats import find_repeats, repeats_before
from harness.store.rows import Measured, RunInfo
from harness.store.run_store import open_store


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardRun:
    """The newest run of one store."""

    path: Path
    run: RunInfo
    whole: tuple[Cell, ...]
    seen: Mapping[str, Observation]
    passports: tuple[Measured, ...]
    circumstances: Circumstances


@dataclass(frozen=True, kw_only=True, slots=True)
class MergedRun:
    """The merged cells of all shards."""

    cells: tuple[Cell, ...]
    seen: tuple[Observation, ...]
    """One for each of ``cells``."""
    circumstances: Circumstances
    notes: tuple[str, ...] = field(default=())
    """One line per problem."""


def read_shard(path: Path) -> ShardRun:
    """Return the newest run of the store at ``path``. Raises ``StoreError``."""
    with open_store(path) as store:
        run = store.find("last")
        return ShardRun(
            path=path,
            run=run,
            whole=store.cells(run, whole=True),
            seen={seen.cell: seen for seen in store.observations(run)},
            passports=store.measured(),
            circumstances=store.circumstances(run),
        )


def merge_shards(parts: Sequence[ShardRun]) -> MergedRun:
    """Return all cells of the parts with their observations.

    Raises ``UsageError`` for parts of different harness versions or plans, and for shards mixed
    with whole runs.
    """
    _check_alike(parts, "harness versions", {part.path: part.run.harness for part in parts})
    sharded = {part.path: "shards" if part.run.shard else "whole runs" for part in parts}
    _check_alike(parts, "kinds", sharded)
    if parts[0].run.shard:
        of = {part.path: part.run.shard.partition("/")[2] for part in parts}
        _check_alike(parts, "numbers of shards", of)
        _check_alike(parts, "plans", {part.path: part.run.whole[:12] for part in parts})
    cells = {cell.id: cell for part in parts for cell in part.whole}
    seen: dict[str, Observation] = {}
    twice = set()
    for part in sorted(parts, key=lambda part: part.run.id):
        for name, observation in part.seen.items():
            if name in seen and seen[name] != observation:
                twice.add(name)
            seen[name] = _better(seen.get(name), observation)
    absent = [name for name in cells if name not in seen]
    missing = _missing_shards(parts)
    notes = [missing] if missing else []
    if twice:
        what = f"{len(twice)} cells were measured twice, {min(twice)} for one"
        notes.insert(0, f"{what}; the later one counts")
    if absent:
        notes.append(f"{len(absent)} cells are misses, {absent[0]} for one: no shard measured them")
    why = missing or "its shard ended before the cell"
    return MergedRun(
        cells=tuple(cells.values()),
        seen=tuple(seen.get(name) or _miss(name, why) for name in cells),
        circumstances=_circumstances(parts),
        notes=tuple(notes),
    )


def merge_stores(
    sources: Sequence[Path], into: Path, *, label: str = ""
) -> tuple[RunInfo, MergedRun]:
    """Merge the newest runs of ``sources`` into one run of the store ``into``.

    Raises ``StoreError`` and what ``merge_shards`` raises; ``UsageError`` if the same runs are
    already merged there.
    """
    if into.resolve() in {path.resolve() for path in sources}:
        raise UsageError(f"{into}: cannot be merged into itself; choose another --store")
    unique = {part.run.id: part for part in map(read_shard, sources)}
    parts = tuple(unique.values())
    joined = merge_shards(parts)
    with open_store(into, write=True) as store:
        run_id = _run_id(parts)
        if any(run.id == run_id for run in store.runs()):
            raise UsageError(f"{into}: these runs are already merged, as run {run_id}")
        run = store.begin(
            joined.cells,
            label=label,
            started_at=min(part.run.started_at for part in parts),
            run_id=run_id,
        )
        passports = {each.id + each.environment: each for p in parts for each in p.passports}
        store.add(run, joined.seen, tuple(passports.values()))
        repeats = find_repeats(store, run)
        circumstances = replace(
            joined.circumstances,
            repeats=repeats,
            repeats_so_far=repeats_before(store, run).plus(repeats),
        )
        grid = build_grid(joined.cells, joined.seen, circumstances.canaries)
        store.end(run, circumstances, exit_code(grid))
        return store.find(run_id), replace(joined, circumstances=circumstances)


def _check_alike(parts: Sequence[ShardRun], what: str, values: Mapping[Path, str]) -> None:
    if len(set(values.values())) > 1:
        details = ", ".join(f"{part.path}: {values[part.path]}" for part in parts)
        raise UsageError(f"runs of different {what} cannot be merged: {details}")


def _better(known: Observation | None, seen: Observation) -> Observation:
    """Return the observation that is not a miss, or the later one."""
    if known is None or known.outcome is Outcome.MISS:
        return seen
    if seen.outcome is Outcome.MISS:
        return known
    return max(known, seen, key=lambda each: each.measured_at)


def _missing_shards(parts: Sequence[ShardRun]) -> str:
    if not parts[0].run.shard:
        return ""
    of = int(parts[0].run.shard.partition("/")[2])
    there = {int(part.run.shard.partition("/")[0]) for part in parts}
    missing = [f"{number}/{of}" for number in range(1, of + 1) if number not in there]
    return f"missing: shard {', '.join(missing)}" if missing else ""


def _miss(cell: str, why: str) -> Observation:
    return Observation(
        cell=cell, outcome=Outcome.MISS, stage=Stage.IMAGE, cause=Cause.SHARD, evidence=why
    )


def _run_id(parts: Sequence[ShardRun]) -> str:
    """Return an id derived from the runs, so that they are not merged twice."""
    digest = hashlib.sha256(" ".join(sorted(part.run.id for part in parts)).encode())
    return f"{min(part.run.id for part in parts).partition('-')[0]}-{digest.hexdigest()[:8]}"


def _circumstances(parts: Sequence[ShardRun]) -> Circumstances:
    """Return the circumstances of the merged run: the longest duration and the summed work."""
    each = [part.circumstances for part in parts]
    phases: dict[str, float] = {}
    for one in each:
        for phase, seconds in one.phases.items():
            phases[phase] = round(phases.get(phase, 0.0) + seconds, 1)
    return Circumstances(
        harness=each[0].harness,
        command=each[0].command,
        started_at=min(one.started_at for one in each),
        seconds=max(one.seconds for one in each),
        workers=sum(one.workers for one in each),
        phases=phases,
        interrupted=any(one.interrupted for one in each),
        canaries=(checks := latest_checks(check for one in each for check in one.canaries)),
        unchecked=tuple(
            sorted({key for one in each for key in one.unchecked} - {c.target for c in checks})
        ),
    )
