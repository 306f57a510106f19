"""Shards on one machine: planned, run, merged and compared."""

import json
import signal
from pathlib import Path

import pytest

from harness.images.debian_root import native_arch
from harness.probe.journal import read_events
from harness.store import open_store
from tests.support.commands import started_wheelgrid, wait_until, wheelgrid

pytestmark = pytest.mark.integration

CELLS = (
    *("--target", "debian-12", "--target", "debian-13", "--arch", native_arch().name),
    *("--subject", "plain", "--subject", "pure"),
)
SELECTED = ("--images", "assembled", *CELLS)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the stores of all planned shards."""
    folder = tmp_path_factory.mktemp("shards")
    planned = json.loads(wheelgrid("plan", "--format", "github", *CELLS).out)["include"]
    stores: list[Path] = []
    for row in planned:
        stores.append(folder / f"{len(stores)}.db")
        kept = ("--store", stores[-1], "--out", folder / "grid")
        ended = wheelgrid("run", "--shard", row["shard"], *SELECTED, *kept)
        assert ended.status == 0, ended.said
    return stores


def test_merged_shards_equal_one_run(stores: list[Path], tmp_path: Path) -> None:
    """Together the shards have each cell of one run exactly once."""
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


def test_a_killed_shard_resumes(stores: list[Path], tmp_path: Path) -> None:
    """A running shard cannot be resumed; a killed one resumes and merges."""
    kept = ("--store", tmp_path / "1.db", "--out", tmp_path / "1")
    with started_wheelgrid("run", "--shard", "1/2", "-n", 1, *SELECTED, *kept) as started:
        journal = tmp_path / "1" / "journal.jsonl"
        wait_until(lambda: read_events(journal)[0], seconds=120)
        started.process.send_signal(signal.SIGSTOP)  # at work, however fast the cells are
        refused = wheelgrid("run", "--resume", *SELECTED[:2], *kept)
        started.kill()
    assert refused.status == 2
    assert "is still being written by another process" in refused.err
    resumed = wheelgrid("run", "--resume", *SELECTED[:2], *kept)
    assert resumed.status == 0, resumed.said
    joined = wheelgrid("merge", kept[1], stores[1], "--store", tmp_path / "all.db")
    assert (joined.status, "4 of 4 cells as expected" in joined.out) == (0, True)
