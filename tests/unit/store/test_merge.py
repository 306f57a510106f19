"""Merging the shards of a run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.canary_check import CanaryCheck
from harness.core.cells import Cell, Outcome
from harness.core.errors import UsageError
from harness.core.observations import Observation
from harness.matrix.shards import split_cells
from harness.results.grid import build_grid, exit_code
from harness.results.runfile import Circumstances, RepeatTotals
from harness.store import open_store
from harness.store.merge import ShardRun, merge_shards, merge_stores, read_shard
from harness.store.rows import Measured
from tests.support.cells import cells_on, see
from tests.support.passports import make_passport

PLAN = cells_on("a/x86_64", "b/x86_64", "a/s390x", subjects=3)


def saw(
    cell: Cell, outcome: Outcome = Outcome.PASS, at: str = "2026-01-01T00:00:01"
) -> Observation:
    return replace(see(cell, outcome), measured_at=at, log="said", seconds={"total": 2.0})


def store_shard(
    folder: Path,
    number: int,
    of: int = 3,
    *,
    plan: Sequence[Cell] = PLAN,
    seen: Sequence[Observation] | None = None,
    shard: bool = True,
) -> Path:
    """Store shard ``number``; cells pass unless given otherwise."""
    path = folder / f"shard-{number}.db"
    piece = split_cells(plan, of, {})[number - 1]
    with open_store(path, write=True) as store:
        run = store.begin(
            piece.cells,
            shard=piece.name if shard else "",
            whole=plan if shard else None,
            started_at=f"2026-01-01T00:00:0{number}+00:00",
        )
        passport = Measured(id=f"p{number}", environment=f"e{number}", passport=make_passport())
        store.add(run, [saw(cell) for cell in piece.cells] if seen is None else seen, [passport])
        circumstances = Circumstances(
            harness="1", started_at=run.started_at, seconds=number, workers=2, phases={"x": 1.0}
        )
        store.end(run, circumstances, 0)
    return path


def test_shards_become_one_run(tmp_path: Path) -> None:
    """Every cell once, in the order of the plan, with the summed work."""
    into = tmp_path / "night.db"
    sources = [store_shard(tmp_path, number) for number in (2, 3, 1)]
    run, joined = merge_stores(sources, into, label="nightly")
    assert joined.notes == ()
    with open_store(into) as store:
        grid = store.grid(store.find("last-night"))
        assert [c.cell for c in grid.cells] == list(PLAN)
        assert [c.observation for c in grid.cells] == [saw(cell) for cell in PLAN]
        circumstances = store.circumstances(run)
        assert (circumstances.seconds, circumstances.workers) == (3, 6)
        assert circumstances.phases == {"x": 3.0}
        assert sorted(store.passports()) == ["p1", "p2", "p3"]
        assert (run.label, run.exit_code, run.started_at) == (
            "nightly",
            0,
            "2026-01-01T00:00:01+00:00",
        )


def test_the_same_shards_are_merged_once(tmp_path: Path) -> None:
    """A duplicate shard counts once; merging again is an error."""
    into = tmp_path / "night.db"
    sources = [store_shard(tmp_path, number) for number in (1, 2, 3)]
    merge_stores([*sources, sources[0]], into)
    with pytest.raises(UsageError, match="already merged"):
        merge_stores(sources, into)
    with open_store(into) as store:
        assert len(store.runs()) == 1


def test_a_missing_shard(tmp_path: Path) -> None:
    """Its cells are misses, and the run exits with 3."""
    sources = [store_shard(tmp_path, number) for number in (1, 3)]
    joined = merge_shards([read_shard(path) for path in sources])
    absent = {cell.id for cell in split_cells(PLAN, 3, {})[1].cells}
    missed = {seen.cell: seen for seen in joined.seen if seen.outcome is Outcome.MISS}
    assert set(missed) == absent
    assert {(seen.cause, seen.evidence) for seen in missed.values()} == {
        ("infra:shard", "missing: shard 2/3")
    }
    assert joined.notes[0] == "missing: shard 2/3"
    assert joined.notes[1].startswith("3 cells are misses")
    assert exit_code(build_grid(joined.cells, joined.seen)) == 3


def test_a_killed_shard(tmp_path: Path) -> None:
    """Its results count; the other cells are misses."""
    first = split_cells(PLAN, 3, {})[0].cells
    sources = [store_shard(tmp_path, 1, seen=[saw(first[0])])]
    sources += [store_shard(tmp_path, number) for number in (2, 3)]
    joined = merge_shards([read_shard(path) for path in sources])
    missed = [seen.cell for seen in joined.seen if seen.outcome is Outcome.MISS]
    assert missed == [cell.id for cell in first[1:]]
    assert joined.notes == (f"2 cells are misses, {missed[0]} for one: no shard measured them",)


def test_cells_that_overlap(tmp_path: Path) -> None:
    """The later result of a cell counts, but never a miss."""
    first, second = (split_cells(PLAN, 3, {})[number].cells for number in (0, 1))
    extra = [
        saw(first[0], Outcome.CRASHED, "2026-01-02"),
        saw(first[1], Outcome.CRASHED, "2025-12-31"),
        saw(first[2], Outcome.MISS, "2026-01-02"),
    ]
    sources = [store_shard(tmp_path, number) for number in (1, 3)]
    sources.append(store_shard(tmp_path, 2, seen=[*map(saw, second), *extra]))
    joined = merge_shards([read_shard(path) for path in sources])
    outcomes = {seen.cell: seen.outcome for seen in joined.seen}
    assert [outcomes[cell.id] for cell in first] == [Outcome.CRASHED, Outcome.PASS, Outcome.PASS]
    assert joined.notes == (
        f"3 cells were measured twice, {first[0].id} for one; the later one counts",
    )


def test_runs_that_cannot_be_merged(tmp_path: Path) -> None:
    """Other harness versions, other plans, whole runs with shards."""
    parts: list[ShardRun] = [read_shard(store_shard(tmp_path, number)) for number in (1, 2)]
    newer = replace(parts[1], run=replace(parts[1].run, harness="9"))
    with pytest.raises(UsageError, match=r"different harness versions .*shard-2.db: 9"):
        merge_shards([parts[0], newer])
    (tmp_path / "other").mkdir()
    other = read_shard(store_shard(tmp_path / "other", 2, plan=PLAN[:-1]))
    with pytest.raises(UsageError, match="different plans cannot be merged"):
        merge_shards([parts[0], other])
    (tmp_path / "whole").mkdir()
    whole = read_shard(store_shard(tmp_path / "whole", 2, shard=False))
    with pytest.raises(UsageError, match=r"different kinds .*shard-2.db: whole runs"):
        merge_shards([parts[0], whole])


def test_whole_runs_are_merged(tmp_path: Path) -> None:
    """Runs of different cells on machines of different arches."""
    sources = [store_shard(tmp_path, number, shard=False) for number in (1, 2, 3)]
    joined = merge_shards([read_shard(path) for path in sources])
    assert {seen.cell for seen in joined.seen} == {cell.id for cell in PLAN}
    assert joined.notes == ()


def test_a_store_is_not_merged_into_itself(tmp_path: Path) -> None:
    source = store_shard(tmp_path, 1)
    with pytest.raises(UsageError, match="into itself"):
        merge_stores([source], source)


def test_checks_and_repeats_of_shards_are_merged(tmp_path: Path) -> None:
    """Columns of every shard; a repeat is found in the store that they are merged into."""
    nights = []
    for night in ("a", "b"):
        (tmp_path / night).mkdir()
        sources = [store_shard(tmp_path / night, number) for number in (1, 2, 3)]
        for source, target in zip(sources, ("a/x86_64", "b/x86_64", "a/s390x"), strict=True):
            with open_store(source, write=True) as store:
                run = store.find("last")
                outcome = Outcome.CRASHED if (night, target) == ("b", "a/s390x") else Outcome.PASS
                cell = store.cells(run)[0]
                store.add(run, [replace(saw(cell, outcome), key=f"key of {cell.id}")])
                check = CanaryCheck(target=target, tried=("hang",), seconds=1.0)
                store.end(run, replace(store.circumstances(run), canaries=(check,)), 0)
        nights.append(
            merge_stores(sources, tmp_path / "night.db", label="nightly")[1].circumstances
        )
    assert {check.target for check in nights[0].canaries} == {"a/x86_64", "b/x86_64", "a/s390x"}
    assert [each.repeats.measured for each in nights] == [0, 3]
    assert len(nights[1].repeats.differing) == 1
    assert nights[1].repeats_so_far == RepeatTotals(runs=2, measured=3, differing=1)
