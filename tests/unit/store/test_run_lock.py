"""One writer per run."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.store import RunInfo, StoreError, open_store
from harness.store.run_lock import hold_run
from tests.support.cells import cells

HOLDS = """
import sys
from pathlib import Path
from harness.store import open_store
from harness.store.run_lock import hold_run
path = Path(sys.argv[1])
with open_store(path) as store, hold_run(path, store.find(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def runs(path: Path) -> tuple[RunInfo, RunInfo]:
    with open_store(path, write=True) as store:
        return store.begin(cells(1)), store.begin(cells(1))


@pytest.fixture
def writer(path: Path, runs: tuple[RunInfo, RunInfo]) -> Iterator["subprocess.Popen[str]"]:
    """Start another process that writes the first run."""
    words = [sys.executable, "-c", HOLDS, str(path), runs[0].id]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_run_has_one_writer(
    path: Path, runs: tuple[RunInfo, RunInfo], writer: "subprocess.Popen[str]"
) -> None:
    """Another run can be written meanwhile."""
    mine, other = runs[1], runs[0]
    with hold_run(path, mine):
        assert writer.poll() is None
    with (
        pytest.raises(StoreError, match=rf"{other.id} is still being written .*; resume it when"),
        hold_run(path, other),
    ):
        pass


def test_a_killed_writer_releases_the_lock(
    path: Path, runs: tuple[RunInfo, RunInfo], writer: "subprocess.Popen[str]"
) -> None:
    writer.kill()
    writer.wait()
    with hold_run(path, runs[0]):
        assert path.exists()
