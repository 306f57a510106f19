"""Reuse of results, with a real store, session and agent."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.cells import Cell, Outcome
from harness.core.observations import Observation
from harness.probe.journal import Journal, read_events
from harness.store import open_store
from harness.store.recorder import Recorder
from harness.store.reuse import open_earlier_results
from tests.support.local_engine import LocalEngine
from tests.support.local_prober import HERE, Answer, local_cell, local_prober

BROKEN = "raise ImportError('broken on purpose')"


class Bench:
    """Opens a new prober for every run, with one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store.db"
        self.opened = 0
        """Containers of the last run."""
        self._runs = 0

    def run(
        self, answers: dict[str, Answer], *cells: Cell, remeasure: bool = False
    ) -> tuple[Observation, ...]:
        """Observe the cells, then store the journal."""
        self._runs += 1
        journal = Journal(self.folder / f"journal-{self._runs}", "gw0")
        engine = LocalEngine()
        with (
            open_earlier_results(None if remeasure else self.store) as memory,
            local_prober(answers, journal, engine=engine, memory=memory) as prober,
        ):
            seen = tuple(prober.observe(cell) for cell in cells)
        self.opened = len(engine.opened)
        with open_store(self.store, write=True) as store:
            Recorder(store, store.begin(cells)).take(read_events(journal.path)[0])
        return seen


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a bench whose wheels are reproducible."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return Bench(tmp_path)


def test_unchanged_cells_are_reused(bench: Bench) -> None:
    """Without a container, and with the time of the measurement."""
    answers: dict[str, Answer] = {"one": "", "two": BROKEN}
    first = bench.run(answers, local_cell("one"), local_cell("two"))
    assert bench.opened == 2
    again = bench.run(answers, local_cell("one"), local_cell("two"))
    assert bench.opened == 0
    assert [seen.cached for seen in (*first, *again)] == [False, False, True, True]
    for was, seen in zip(first, again, strict=True):
        assert (seen.outcome, seen.evidence, seen.log) == (was.outcome, was.evidence, was.log)
        assert (seen.measured_at, seen.provenance) == (was.measured_at, was.provenance)
        assert seen.key == was.key != ""


def test_remeasuring_reuses_nothing(bench: Bench) -> None:
    bench.run({"one": ""}, local_cell("one"))
    (seen,) = bench.run({"one": ""}, local_cell("one"), remeasure=True)
    assert (seen.cached, bench.opened) == (False, 1)


def test_another_wheel_is_measured(bench: Bench) -> None:
    """A wheel with other bytes and the same name is another wheel."""
    bench.run({"one": ""}, local_cell("one"))
    (seen,) = bench.run({"one": BROKEN}, local_cell("one"))
    assert (seen.cached, seen.outcome) == (False, Outcome.IMPORT_FAILED)


def test_another_call_is_measured(bench: Bench) -> None:
    bench.run({"one": ""}, local_cell("one"))
    cell = local_cell("one")
    called = replace(cell, subject=replace(cell.subject, call="1 == 2"))
    (seen,) = bench.run({"one": ""}, called)
    assert (seen.cached, seen.outcome) == (False, Outcome.CALL_FAILED)


def test_target_name_is_not_part_of_the_key(bench: Bench) -> None:
    """Targets with the same image share results."""
    bench.run({"one": ""}, local_cell("one"))
    (seen,) = bench.run({"one": ""}, local_cell("one", target="renamed"))
    assert (seen.cached, seen.cell) == (True, f"renamed/{HERE.name}/one")


def test_varying_results_are_not_reused(bench: Bench, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    answers: dict[str, Answer] = {"one": f"import os\nassert os.path.exists({str(flag)!r})"}
    bench.run(answers, local_cell("one"))
    flag.touch()
    bench.run(answers, local_cell("one"), remeasure=True)
    (seen,) = bench.run(answers, local_cell("one"))
    assert not seen.cached


def test_missing_store_is_an_empty_cache(tmp_path: Path) -> None:
    """Reading does not create it."""
    with open_earlier_results(tmp_path / "none.db") as memory:
        assert memory.observation("key") is None
        assert memory.passport("key") is None
    assert not (tmp_path / "none.db").exists()
