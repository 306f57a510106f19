"""The whole chain on one machine: a plan in shards, each run, joined, and compared."""

import json
from pathlib import Path

import pytest

from harness.images.debian import native_arch
from harness.store import open_store
from tests.support.commands import wheelgrid

pytestmark = pytest.mark.integration

CELLS = (
    *("--target", "debian-12", "--target", "debian-13", "--arch", native_arch().name),
    *("--subject", "plain", "--subject", "pure"),
)
SELECTED = ("--images", "assembled", *CELLS)


def test_shards_are_run_joined_and_compared(tmp_path: Path) -> None:
    """Nothing is lost or doubled: together the shards saw what one run would see."""
    planned = json.loads(wheelgrid("plan", "--format", "github", *CELLS).out)["include"]
    stores: list[Path] = []
    for row in planned:
        stores.append(tmp_path / f"{len(stores)}.db")
        kept = ("--store", stores[-1], "--out", tmp_path / "grid")
        ended = wheelgrid("run", "--shard", row["shard"], *SELECTED, *kept)
        assert ended.status == 0, ended.said
    night = tmp_path / "night.db"
    first = wheelgrid("merge", stores[0], "--store", night)
    assert first.status == 3
    assert "missing: shard 2/2" in first.out
    whole = wheelgrid("merge", *stores, "--store", night, "--label", "nightly")
    assert (whole.status, "4 of 4 cells as expected" in whole.out) == (0, True)

    compared = wheelgrid("compare", "last~1", "last-night", "--store", night)
    assert (compared.status, compared.out.splitlines()[0]) == (0, "2 not-comparable, 2 same")
    listing = wheelgrid("plan", "--json", *CELLS).out
    listed = [json.loads(line)["id"] for line in listing.splitlines()]
    with open_store(night) as store:
        seen = [observation.cell for observation in store.observations(store.find("last-night"))]
    assert seen == listed
