"""The file of a store loses nothing, whatever happens to it or its writers."""

import multiprocessing
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.cells import Cell, Outcome
from harness.core.observations import Observation
from harness.results.runfile import Circumstances
from harness.store import StoreError, open_store
from harness.store.database import connect
from harness.store.tables import MIGRATIONS
from tests.support.cells import cells, saw

CELLS = tuple(cells(40))
HOW = Circumstances(
    harness="1", started_at="2026-01-01T00:00:00+00:00", seconds=1, workers=1, interrupted=False
)


def path_in(folder: Path) -> Path:
    return folder / "below" / "store.db"


def seen(cell: Cell) -> Observation:
    """Return an observation with text of every kind."""
    return replace(
        saw(cell, Outcome.IMPORT_FAILED, "suffix-mismatch"),
        evidence="a line with \x1b[2J and \N{SNOWMAN}",
        log=f"{cell.id} says\n" * 50,
        seconds={"total": 0.5},
    )


def write_a_run(path: Path, started_at: str) -> None:
    with open_store(path, write=True) as store:
        run = store.begin(CELLS, started_at=started_at)
        for cell in CELLS:
            store.add(run, [seen(cell)])
        store.end(run, replace(HOW, started_at=started_at), 1)


def test_processes_may_write_at_once(tmp_path: Path) -> None:
    """Concurrent creators and writers keep each other's data."""
    context = multiprocessing.get_context("spawn")
    started = [f"2026-01-0{day}T00:00:00+00:00" for day in range(1, 5)]
    path = path_in(tmp_path)
    writers = [context.Process(target=write_a_run, args=(path, each)) for each in started]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    with open_store(path) as store:
        runs = [store.run(info) for info in store.runs()]
    assert [run.circumstances.started_at for run in runs] == sorted(started, reverse=True)
    for run in runs:
        assert [record.observation for record in run.cells] == list(map(seen, CELLS))


def test_reading_does_not_create_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such store"):
        connect(path_in(tmp_path), write=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("content", [b"hello, I am a text", b"PK\x03\x04" + bytes(5000)])
def test_a_foreign_file_is_not_changed(tmp_path: Path, content: bytes, *, write: bool) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"mine\.txt: not a store"):
        connect(path, write=write)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("write", [True, False])
def test_another_programs_database_is_not_changed(tmp_path: Path, *, write: bool) -> None:
    """Even if it has a table of the same name."""
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE run (id TEXT)")
    other.commit()
    other.close()
    content = path.read_bytes()
    with pytest.raises(StoreError, match="a database of another program"):
        connect(path, write=write)
    assert path.read_bytes() == content


@pytest.mark.parametrize("write", [True, False])
def test_a_newer_store_is_not_changed(tmp_path: Path, *, write: bool) -> None:
    path = path_in(tmp_path)
    connection = connect(path, write=True)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    content = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer harness \(version 99.*upgrade wheelgrid"):
        connect(path, write=write)
    assert path.read_bytes() == content


def test_an_older_store_is_migrated(tmp_path: Path) -> None:
    """A writer migrates it and keeps its runs; a reader reports how."""
    path = path_in(tmp_path)
    write_a_run(path, HOW.started_at)
    steps = (*MIGRATIONS, "CREATE TABLE later (id INTEGER)")
    with pytest.raises(StoreError, match="older harness"):
        connect(path, write=False, migrations=steps)
    connection = connect(path, write=True, migrations=steps)
    assert connection.execute("SELECT count(*) FROM seen, later").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM seen").fetchone() == (len(CELLS),)
    connection.close()


def test_a_damaged_store_is_reported_and_not_changed(tmp_path: Path) -> None:
    path = path_in(tmp_path)
    write_a_run(path, HOW.started_at)
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xaa" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"), open_store(path) as store:
        store.run(store.find("last"))
    assert path.read_bytes() == content


def test_a_full_disk_loses_nothing_earlier(tmp_path: Path) -> None:
    """A write fails as a whole, earlier data stays, and free space suffices to continue."""
    big = [seen(CELLS[1]), replace(seen(CELLS[2]), log=os.urandom(20_000).hex())]
    with open_store(path_in(tmp_path), write=True) as store:
        run = store.begin(CELLS)
        store.add(run, [seen(CELLS[0])])
        ((pages,),) = store.connection.execute("PRAGMA page_count")
        store.connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="disk is full; earlier results are kept"):
            store.add(run, big)
        assert store.observations(run) == (seen(CELLS[0]),)
        store.connection.execute("PRAGMA max_page_count = 100000")
        store.add(run, big)
        assert store.observations(run) == (seen(CELLS[0]), *big)


def test_data_of_a_killed_writer_stays(tmp_path: Path) -> None:
    path = path_in(tmp_path)
    child = multiprocessing.get_context("spawn").Process(target=_killed, args=(path,))
    child.start()
    child.join()
    assert child.exitcode == -9
    with open_store(path) as store:
        info = store.find("last")
        run = store.run(info)
    assert info.exit_code is None
    assert run.circumstances.interrupted
    assert [r.observation for r in run.cells] == [seen(CELLS[0]), *[None] * (len(CELLS) - 1)]


def _killed(path: Path) -> None:
    with open_store(path, write=True) as store:
        store.add(store.begin(CELLS), [seen(CELLS[0])])
        os.kill(os.getpid(), 9)


@pytest.mark.parametrize("record", ["{", '{"cell": "a/b/c", "outcome": "no-such"}'])
def test_invalid_record_is_damage(tmp_path: Path, record: str) -> None:
    path = path_in(tmp_path)
    write_a_run(path, HOW.started_at)
    connection = connect(path, write=True)
    connection.execute("UPDATE seen SET record = ? WHERE number = 7", (record,))
    connection.close()
    with pytest.raises(StoreError, match="damaged"), open_store(path) as store:
        store.run(store.find("last"))
