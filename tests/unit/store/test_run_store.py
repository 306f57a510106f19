"""Runs in a store: round trip and lookup by name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.core.cells import Outcome
from harness.core.errors import ExitCode
from harness.core.observations import Observation
from harness.probe.journal import Journal, read_events
from harness.results.grid import build_grid
from harness.results.runfile import Circumstances, Repeats, RepeatTotals, record_run
from harness.store import StoreError, history, open_store, repeats
from harness.store.database import connect
from harness.store.recorder import Recorder
from harness.store.repeats import find_repeats, repeats_before
from harness.store.rows import Measured
from tests.support.cells import cells, expect, saw
from tests.support.passports import make_passport

CELLS = (
    *cells(2),
    *(replace(c, expectation=expect(Outcome.CRASHED)) for c in cells(2, target="d")),
)
SEEN = [saw(cell, Outcome.CRASHED) for cell in CELLS]
HOW = Circumstances(
    harness="1", command=("run",), started_at="2026-01-01T00:00:00+00:00", seconds=1, workers=2
)


def test_round_trip(tmp_path: Path) -> None:
    """Cells with expectations, observations, verdicts and circumstances are kept."""
    whole = record_run(build_grid(CELLS, SEEN), HOW)
    with open_store(tmp_path / "s.db", write=True) as store:
        run = store.begin(CELLS, started_at=HOW.started_at)
        store.add(run, SEEN)
        store.end(run, HOW, whole.exit_code)
        assert store.run(store.find(run.id)) == whole
        assert store.find(run.id).exit_code == ExitCode.UNEXPECTED
        store.end(run, HOW, ExitCode.AS_EXPECTED)
        assert store.run(store.find(run.id)).exit_code is ExitCode.AS_EXPECTED


def test_the_last_observation_of_a_cell_counts(tmp_path: Path) -> None:
    """Both are stored."""
    with open_store(tmp_path / "s.db", write=True) as store:
        run = store.begin(CELLS)
        store.add(run, [saw(CELLS[0], Outcome.MISS)])
        store.add(run, [saw(CELLS[0], Outcome.PASS)])
        assert [c.outcome for c in store.grid(run).cells[:2]] == [Outcome.PASS, None]
        assert len(store.observations(run)) == 2


def test_the_latest_result_of_a_cell_is_of_any_run(tmp_path: Path) -> None:
    """A run of other cells in between does not hide it."""
    with open_store(tmp_path / "s.db", write=True) as store:
        with pytest.raises(StoreError, match="no run"):
            store.latest([CELLS[0].id])
        store.add(store.begin(CELLS), [saw(CELLS[0], Outcome.PASS), saw(CELLS[1], Outcome.MISS)])
        store.add(store.begin(CELLS[:1]), [saw(CELLS[0], Outcome.CRASHED)])
        store.add(store.begin(CELLS[2:]), [saw(CELLS[2], Outcome.PASS)])
        latest = store.latest(cell.id for cell in CELLS[:2])
        assert [seen.outcome for seen in latest] == [Outcome.MISS, Outcome.CRASHED]


def test_a_killed_run_counts_as_interrupted(tmp_path: Path) -> None:
    """It has no exit code."""
    with open_store(tmp_path / "s.db", write=True) as store:
        run = store.begin(CELLS, started_at=HOW.started_at)
        assert (run.exit_code, store.circumstances(run).interrupted) == (None, True)


def test_runs_by_name(tmp_path: Path) -> None:
    """By age, label or id prefix, but never the excluded run."""
    with open_store(tmp_path / "s.db", write=True) as store:
        ids = [
            store.begin(CELLS, started_at=f"2026-01-0{day}T00:00:00+00:00", label=label).id
            for day, label in ((1, "nightly"), (2, "nightly"), (3, ""))
        ]
        assert [run.id for run in store.runs()] == ids[::-1]
        for name, place in (("last", 2), ("last~1", 1), ("last~2", 0), ("last-night", 1)):
            assert store.find(name).id == ids[place]
        assert store.find(ids[0][:8]).id == ids[0]
        assert store.find("last-night", beside=ids[1]).id == ids[0]
        for name, complaint in (
            ("2026", "several runs begin with '2026'"),
            ("last~3", "no run 'last~3'"),
            ("lats", "did you mean 'last'"),
        ):
            with pytest.raises(StoreError, match=complaint):
                store.find(name)


def test_passports_are_kept_by_id_and_environment(tmp_path: Path) -> None:
    """A passport of two environments is stored once."""
    with open_store(tmp_path / "s.db", write=True) as store:
        measured = [Measured(id="p", environment=e, passport=make_passport()) for e in "ab"]
        store.add(store.begin(CELLS), [], measured)
        assert store.passports(["p", "unknown"]) == {"p": make_passport()}
        assert sorted(store.measured(), key=lambda each: each.environment) == measured


def test_durations_average_measured_cells(tmp_path: Path) -> None:
    """Reused results and misses do not count."""
    one, two = ({"total": seconds} for seconds in (2.0, 4.0))
    with open_store(tmp_path / "s.db", write=True) as store:
        for seen in (
            replace(SEEN[0], seconds=one),
            replace(SEEN[0], seconds=two),
            replace(SEEN[0], seconds={"total": 0.0}, cached=True),
            replace(SEEN[1], seconds=one, outcome=Outcome.MISS),
        ):
            store.add(store.begin(CELLS), [seen])
        assert store.durations() == {CELLS[0].id: 3.0}


def test_a_full_disk_does_not_end_a_run(tmp_path: Path) -> None:
    """The error is reported at the end, and earlier results stay."""
    journal = Journal(tmp_path / "journal")
    for number, cell in enumerate(CELLS):
        noise = "".join(map(chr, range(33, 33 + number * 20))) * 2000
        journal.cell(replace(saw(cell, Outcome.CRASHED), evidence=noise))
    events, _ = read_events(journal.path)
    path = tmp_path / "s.db"
    with open_store(path, write=True) as store:
        recorder = Recorder(store, store.begin(CELLS))
        recorder.take(events[:1])
        (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
        store.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        for event in events[1:]:
            recorder.take([event])
        recorder.end(HOW, ExitCode.AS_EXPECTED)
        assert "the disk is full" in str(recorder.error)
    with open_store(path) as store:
        assert [seen.cell for seen in store.observations(store.find("last"))] == [CELLS[0].id]


def test_shared_data_is_stored_once(tmp_path: Path) -> None:
    """A hundred equal logs are one compressed blob."""
    path = tmp_path / "s.db"
    log = "the same words over and over\n" * 1000
    with open_store(path, write=True) as store:
        for _ in range(100):
            store.add(store.begin(CELLS), [replace(SEEN[0], log=log)])
    connection = connect(path, write=False)
    ((logs, size),) = connection.execute(
        "SELECT count(*), sum(length(data)) FROM blob WHERE digest IN (SELECT log FROM seen)"
    )
    connection.close()
    assert logs == 1
    assert size < len(json.dumps(log)) / 50


def keyed(place: int, outcome: Outcome, key: str, **more: object) -> Observation:
    return replace(saw(CELLS[place], outcome), key=key, **more)  # type: ignore[arg-type]


def test_repeats_are_found_by_key(tmp_path: Path) -> None:
    """Reused, shared and missed results repeat nothing, nor does a cell whose key changed."""
    with open_store(tmp_path / "s.db", write=True) as store:
        first, second = store.begin(CELLS), store.begin(CELLS)
        store.add(first, [keyed(n, Outcome.PASS, f"k{n}") for n in range(4)])
        assert find_repeats(store, first) == Repeats()
        again = [
            keyed(0, Outcome.PASS, "k0"),
            keyed(1, Outcome.CRASHED, "k1"),
            keyed(2, Outcome.CRASHED, "new"),
            keyed(3, Outcome.CRASHED, "k3", cached=True),
        ]
        store.add(second, again)
        assert find_repeats(store, second) == Repeats(measured=2, differing=(CELLS[1].id,))
        third = store.begin(CELLS)
        store.add(third, [keyed(0, Outcome.MISS, "k0")])
        store.add(third, [keyed(2, Outcome.CRASHED, "k0", measured_on=CELLS[0].id)])
        assert find_repeats(store, third) == Repeats()
        store.add(third, [keyed(1, Outcome.CRASHED, "k1")])
        assert Recorder(store, third).repeats() == Repeats(measured=1)


def test_repeats_of_earlier_runs_are_summed(tmp_path: Path) -> None:
    """Of runs with the same label; of a resumed run the last ending counts."""
    repeats = Repeats(measured=10, differing=("a", "b"))
    with open_store(tmp_path / "s.db", write=True) as store:
        runs = [store.begin(CELLS, label=label) for label in ("nightly", "", "nightly", "nightly")]
        for run in runs[:3]:
            store.end(run, HOW, ExitCode.INTERRUPTED)
            store.end(run, replace(HOW, repeats=repeats), ExitCode.AS_EXPECTED)
        assert repeats_before(store, runs[0]) == RepeatTotals()
        assert repeats_before(store, runs[3]) == RepeatTotals(runs=2, measured=20, differing=4)
        so_far = Recorder(store, runs[3]).repeats_so_far(repeats)
        assert so_far == RepeatTotals(runs=3, measured=30, differing=6)


def test_checks_of_columns_are_kept(tmp_path: Path) -> None:
    """A grid that is read knows which columns are not believed."""
    missed = MissedCanary(canary="hang", expected="timeout", seen="pass")
    check = CanaryCheck(target=CELLS[0].target.key, tried=("hang",), missed=(missed,))
    with open_store(tmp_path / "s.db", write=True) as store:
        run = store.begin(CELLS)
        store.end(run, replace(HOW, canaries=(check,)), ExitCode.NOTHING_CAN_BE_SAID)
        assert store.grid(run).missed_canaries == {check.target: (missed,)}
        assert store.run(run).grid.missed_canaries == {check.target: (missed,)}


@pytest.mark.parametrize(
    ("query", "index"), [(repeats._REPEATS, "seen_key"), (history._SIGHTINGS, "seen_run")]
)
def test_a_query_reads_no_more_in_an_older_store(query: str, index: str, tmp_path: Path) -> None:
    """SQLite finds the rows of the cells' keys or of the runs by an index."""
    with open_store(tmp_path / "store.db", write=True) as store:
        names = {"run": 1, "miss": "miss"} if ":run" in query else ("2026", 30, "[]")
        plan = store.connection.execute(f"EXPLAIN QUERY PLAN {query}", names).fetchall()
    reads = [row[3] for row in plan if row[3].startswith(("SCAN seen", "SEARCH seen"))]
    assert reads
    assert all("USING INDEX" in read for read in reads), reads
    assert any(f"USING INDEX {index} " in read for read in reads), reads
