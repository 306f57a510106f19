"""A disk without space or files, and one that fills and frees."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.cells import Outcome
from harness.core.errors import ExitCode
from harness.host.cache import Cache, CacheError
from harness.probe.journal import Journal, observations, read_events
from harness.results.runfile import Circumstances
from harness.store import open_store
from harness.store.database import FullStoreError
from harness.store.recorder import Recorder
from tests.support.cells import cells, saw
from tests.support.small_disk import fill, small_disk

CELLS = cells(6)
SEEN = [replace(saw(cell, Outcome.CRASHED), evidence=cell.id * 300) for cell in CELLS]
HOW = Circumstances(
    harness="1", command=("run",), started_at="2026-01-01T00:00:00+00:00", seconds=1, workers=2
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 1 MiB; without the right to mount, one on any disk."""
    with small_disk(tmp_path / "disk"):
        yield tmp_path / "disk"


def _is_small(disk: Path) -> bool:
    return disk.is_mount()


def test_journal_loses_no_line(disk: Path) -> None:
    """Lines that a full disk did not take are written when it has space."""
    journals = [Journal(disk / "journal", f"gw{number}") for number in range(2)]
    journals[0].cell(SEEN[0])
    if _is_small(disk):
        filler = fill(disk, leave=5000)
        for seen, journal in zip(SEEN[1:5], journals * 2, strict=True):
            journal.cell(seen)
        written = list(observations(read_events(disk / "journal")[0]))
        assert written[0] == SEEN[0]
        assert len(written) < 5
        with pytest.raises(OSError, match="No space left"):
            journals[0].flush()
        filler.unlink()
    else:
        for seen, journal in zip(SEEN[1:5], journals * 2, strict=True):
            journal.cell(seen)
    journals[0].cell(SEEN[5])
    for journal in journals:
        journal.flush()
    events, _ = read_events(disk / "journal")
    assert {seen.cell for seen in observations(events)} == {cell.id for cell in CELLS}


def test_store_takes_the_rest_when_there_is_space(disk: Path, tmp_path: Path) -> None:
    """The run goes on meanwhile; afterwards nothing is reported and nothing is missing."""
    events = []
    for seen in SEEN:
        journal = Journal(tmp_path / seen.cell.replace("/", "-"))
        journal.cell(replace(seen, evidence=bytes(range(256)).hex() * 200 + seen.cell))
        events += read_events(journal.path)[0]
    path = disk / "store.db"
    with open_store(path, write=True) as store:
        recorder = Recorder(store, store.begin(CELLS))
        recorder.take(events[:1])
        assert recorder.error is None
        if _is_small(disk):
            filler = fill(disk)
            for event in events[1:5]:
                recorder.take([event])
            assert isinstance(recorder.error, FullStoreError)
            assert "the disk is full" in str(recorder.error)
            filler.unlink()
        else:
            recorder.take(events[1:5])
        recorder.take(events[5:])
        recorder.end(HOW, ExitCode.AS_EXPECTED)
        assert recorder.error is None
    with open_store(path) as store:
        stored = store.observations(store.find("last"))
    assert sorted(seen.cell for seen in stored) == sorted(cell.id for cell in CELLS)


def test_cache_reports_the_full_disk_and_goes_on(disk: Path) -> None:
    """Earlier entries are read, and later ones are made when there is space."""
    cache = Cache(disk)
    cache.get("wheels", "early", _write)
    if _is_small(disk):
        filler = fill(disk)
        with pytest.raises(CacheError, match="No space left on device; free some space there"):
            cache.get("wheels", "late", _write_more)
        assert cache.get("wheels", "early", _fail).read_text() == "made"
        assert not list((disk / "wheels").glob(".making-*"))
        filler.unlink()
    entry = cache.get("wheels", "late", _write_more)
    assert entry.stat().st_size == 9000


def test_disk_without_free_files(tmp_path: Path) -> None:
    """It is distinguished from one without space; the journal keeps its lines meanwhile."""
    folder = tmp_path / "disk"
    with small_disk(folder, files=8) as mounted:
        if not mounted:
            return
        cache, journal = Cache(folder), Journal(folder / "journal")
        with contextlib.suppress(OSError):
            for number in range(20):
                (folder / f"file{number}").touch()
        with pytest.raises(CacheError, match="no more files are possible; free some space there"):
            cache.get("wheels", "a", _fail)
        journal.cell(SEEN[0])
        (folder / "file0").unlink()
        journal.cell(SEEN[1])
        assert list(observations(read_events(journal.path)[0])) == SEEN[:2]


def _write(path: Path) -> None:
    path.write_text("made")


def _write_more(path: Path) -> None:
    path.write_bytes(bytes(9000))


def _fail(path: Path) -> None:
    raise AssertionError(f"{path} is made")
