"""The job file for Slurm on a real cluster of several nodes."""

import sys
from pathlib import Path

import pytest

from harness.images.debian_root import native_arch
from harness.probe.journal import read_events
from harness.store import open_store
from tests.support.commands import ROOT, wait_until, wheelgrid
from tests.support.slurm import slurm_cluster

pytestmark = pytest.mark.integration

CELLS = (
    *("--target", "debian-12", "--target", "debian-13", "--arch", native_arch().name),
    *("--subject", "plain", "--subject", "pure", "-q", "subject:p*"),
)
DONE = {"COMPLETED"}
KILLED_STATES = {"FAILED", "CANCELLED"}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder with ``wheelgrid``, which takes no image from a registry."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "wheelgrid"
    script.write_text(
        f"#!/bin/sh\nPYTHONPATH={ROOT} WHEELGRID_IMAGES=assembled "
        f'exec {sys.executable} -m harness "$@"\n'
    )
    script.chmod(0o755)
    return folder


def test_array_with_a_killed_task_is_merged(tmp_path: Path, programs: Path) -> None:
    """A task is killed and requeued; the merged run has every cell as expected, once."""
    job_file = tmp_path / "job.sh"
    job_file.write_text(wheelgrid("plan", "--format", "slurm", "--shards", 2, *CELLS).out)
    journal = tmp_path / "grid-2" / "journal.jsonl"
    with slurm_cluster(tmp_path / "slurm", 2) as slurm:
        tested = slurm.run("sbatch", "--test-only", job_file, cwd=tmp_path)
        assert "to start at" in tested
        job = slurm.run("sbatch", "--parsable", job_file, cwd=tmp_path, path=str(programs)).strip()
        wait_until(lambda: read_events(journal)[0], seconds=120)
        slurm.run("scancel", "--signal=KILL", "--full", f"{job}_2")
        wait_until(lambda: slurm.states(job).get("2") in KILLED_STATES, seconds=60)
        slurm.run("scontrol", "requeue", f"{job}_2")
        wait_until(lambda: set(slurm.states(job).values()) == DONE, seconds=180)
    said = (tmp_path / "shard-2.log").read_text()
    assert said.count("shard 2/2, as Slurm numbers it") == 2
    stores = sorted(tmp_path.glob("shard-*.db"))
    merged = wheelgrid("merge", *stores, "--store", tmp_path / "all.db")
    assert (merged.status, "4 of 4 cells as expected" in merged.out) == (0, True), merged.said
    with open_store(tmp_path / "all.db") as store:
        seen = [each.cell for each in store.observations(store.find("last"))]
    assert len(seen) == len(set(seen)) == 4


def test_auto_outside_of_a_scheduler_is_refused(tmp_path: Path) -> None:
    """Nothing is run."""
    ended = wheelgrid("run", "--shard", "auto", *CELLS, "--store", tmp_path / "none.db")
    assert ended.status == 2
    assert "no scheduler numbers this task" in ended.err
    assert not (tmp_path / "none.db").exists()
