"""Recalling stored results before pytest is started."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness.app import recall
from harness.app.prober_options import ProberOptions
from harness.app.pytest_driver import RunOptions
from harness.app.recall import recall_results
from harness.core.cells import Cell
from harness.core.errors import EngineError
from harness.probe.journal import Journal, read_events
from harness.results.run_state import RunState
from tests.support.cells import make_cell

ONE, TWO = make_cell(subject="one"), make_cell(subject="two")
ELSEWHERE = replace(ONE, target=replace(ONE.target, id="elsewhere"))


@dataclass
class Recalling:
    """A prober that notes which cells it is asked for, and fails on ``broken``."""

    asked: list[str]
    broken: Cell | None = None
    error: Exception | None = None

    def recall(self, cell: Cell) -> None:
        self.asked.append(cell.id)
        if cell == self.broken and self.error:
            raise self.error


def asked_for(
    monkeypatch: pytest.MonkeyPatch, folder: Path, prober: Recalling, *, remeasure: bool = False
) -> list[str]:
    """Return the cells that the prober was asked for; the store is empty."""

    @contextlib.contextmanager
    def opened(*_: object, **__: object) -> Iterator[Recalling]:
        yield prober

    monkeypatch.setattr(recall, "open_prober", opened)
    monkeypatch.setattr(recall, "read_matrix", lambda *_: None)
    options = RunOptions(
        prober=ProberOptions(matrix_folder=folder),
        out=folder,
        workers=1,
        store=folder / "s.db",
        remeasure=remeasure,
    )
    recall_results((ONE, TWO, ELSEWHERE), options, folder / "journal.jsonl")
    return prober.asked


@pytest.mark.parametrize("error", [EngineError("no engine"), ValueError("a defect")])
def test_an_error_leaves_the_rest_of_its_target_to_pytest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A defect in recalling ends no run: a worker meets it again, and reports it as a miss."""
    prober = Recalling([], broken=ONE, error=error)
    assert asked_for(monkeypatch, tmp_path, prober) == [ONE.id, ELSEWHERE.id]


def test_slow_work_is_left_to_pytest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "SLOW", -1.0)
    assert asked_for(monkeypatch, tmp_path, Recalling([])) == [ONE.id]


def test_this_process_is_idle_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a run would show to its end what was looked up first."""
    journal = Journal(tmp_path / "journal.jsonl")
    state = RunState((ONE, TWO, ELSEWHERE))
    journal.activity(ONE.target.key, "fetching one")
    asked_for(monkeypatch, tmp_path, Recalling([]))
    state.take(read_events(journal.path)[0])
    assert not state.activities


def test_a_fresh_run_recalls_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_for(monkeypatch, tmp_path, Recalling([]), remeasure=True) == []
