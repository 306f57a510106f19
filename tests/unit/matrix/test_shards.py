"""Shards of a plan."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.matrix.shards import github_matrix, parse_shard, split_cells
from tests.support.cells import cells_on

KEYS = [f"t{n}/{arch}" for n in range(5) for arch in ("x86_64", "aarch64", "s390x")]


@given(st.integers(1, 15), st.dictionaries(st.sampled_from(KEYS), st.floats(0, 900)))
def test_every_cell_is_in_one_shard(count: int, long: dict[str, float]) -> None:
    """Targets are not split, and no shard is empty."""
    plan = cells_on(*KEYS)
    durations = {cell.id: long[cell.target.key] for cell in plan if cell.target.key in long}
    shards = split_cells(plan, count, durations)
    assert [shard.name for shard in shards] == [f"{n}/{count}" for n in range(1, count + 1)]
    assert Counter(c.id for shard in shards for c in shard.cells) == Counter(c.id for c in plan)
    assert max(Counter(key for shard in shards for key in shard.targets).values()) == 1
    assert all(shard.cells for shard in shards)
    if count >= 3:
        assert all(len(shard.arches) == 1 for shard in shards)


def test_shards_have_similar_durations() -> None:
    """A long target gets a shard for itself."""
    plan = cells_on(*(f"t{n}/s390x" for n in range(5)))
    durations = {cell.id: 150.0 if cell.target.id == "t3" else 40.0 for cell in plan}
    shards = split_cells(plan, 3, durations)
    assert [(shard.targets, shard.seconds) for shard in shards] == [
        (("t3/s390x",), 310.0),
        (("t0/s390x", "t2/s390x"), 180.0),
        (("t1/s390x", "t4/s390x"), 180.0),
    ]


def test_an_arch_gets_shards_by_its_load() -> None:
    """Emulated cells that take ten times as long get more shards."""
    plan = cells_on(*(f"t{n}/{arch}" for n in range(4) for arch in ("x86_64", "s390x")))
    durations = {cell.id: 100.0 if cell.target.arch_name == "s390x" else 1.0 for cell in plan}
    arches = Counter(shard.arches for shard in split_cells(plan, 5, durations))
    assert arches == {("x86_64",): 1, ("s390x",): 4}


def test_more_shards_than_targets_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"3 shards of 2 targets: .* take 2 at most"):
        split_cells(cells_on("a/x86_64", "b/x86_64"), 3, {})


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "-1/3", "a/b", "1/2/3", "1.5/2"])
def test_invalid_shard_names(text: str) -> None:
    with pytest.raises(UsageError, match="write it as K/N"):
        parse_shard(text)
    assert parse_shard("2/5") == (2, 5)


def test_job_matrix_marks_native_shards() -> None:
    """Other arches are emulated."""
    plan = cells_on("a/x86_64", "a/i686", "a/aarch64", "a/s390x", "a/armv7l")
    rows = github_matrix(split_cells(plan, 5, {}))["include"]
    assert [(row["arches"], row["machine"], row["native"]) for row in rows] == [
        ("x86_64", "x86_64", True),
        ("i686", "x86_64", True),
        ("aarch64", "aarch64", True),
        ("s390x", "x86_64", False),
        ("armv7l", "x86_64", False),
    ]
    assert rows[0] | {"seconds": 0} == {
        "shard": "1/5", "machine": "x86_64", "native": True, "arches": "x86_64",
        "targets": 1, "cells": 2, "seconds": 0,
    }  # fmt: skip
    assert split_cells(plan, 1, {})[0].machine == ""
