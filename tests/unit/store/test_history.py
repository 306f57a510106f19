"""Transitions of cells, other recorded changes, and flaky cells."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.core.cells import Outcome
from harness.core.observations import Observation
from harness.report.stored_runs import format_transitions
from harness.results.differences import Aspect
from harness.results.past import past_of
from harness.results.query import parse_query
from harness.results.runfile import Circumstances
from harness.store import Store, StoreError, open_store
from harness.store.history import (
    cell_transitions,
    count_sightings,
    flaky_cells,
    last_sightings,
    named_cells,
)
from harness.store.run_lookup import known_past
from tests.support.cells import NEW, cells, saw

ONE, TWO = cells(2)
FAR = cells(1, target="fedora-32")[0]
PASS, FAILED = Outcome.PASS, Outcome.IMPORT_FAILED


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "store.db", write=True) as opened:
        yield opened


def night(store: Store, day: int, *seen: Observation) -> None:
    run = store.begin((ONE, TWO, FAR), started_at=f"2026-01-0{day}T02:00:00+00:00")
    store.add(run, seen)


@pytest.fixture
def nights(store: Store) -> Store:
    """One cell fails with a new image and passes again; two never change; one is a miss."""
    night(store, 1, saw(ONE, PASS), saw(TWO, PASS), saw(FAR, FAILED, "suffix-mismatch"))
    night(store, 2, saw(ONE, FAILED, "no-module", image=NEW), saw(TWO, Outcome.MISS))
    night(store, 3, saw(ONE, FAILED, "no-module", image=NEW), saw(TWO, PASS))
    night(store, 4, saw(ONE, PASS, image=NEW), saw(FAR, FAILED, "missing-library"))
    return store


def test_only_changes_are_listed(nights: Store) -> None:
    """Newest first; unchanged results and misses are no changes."""
    found = cell_transitions(nights, [ONE.id, TWO.id])
    assert [(step.when[:10], step.was.outcome, step.now.outcome) for step in found] == [
        ("2026-01-04", FAILED, PASS),
        ("2026-01-02", PASS, FAILED),
    ]
    assert [[d.aspect for d in step.differences] for step in found] == [[], [Aspect.IMAGE]]


def test_another_cause_is_a_change(nights: Store) -> None:
    (step,) = cell_transitions(nights, [FAR.id])
    assert (step.was.cause, step.now.cause) == ("suffix-mismatch", "missing-library")


def test_change_without_a_recorded_change_is_flaky(nights: Store) -> None:
    """Only runs that started earlier count."""
    ids = [ONE.id, TWO.id]
    assert flaky_cells(nights, ids, before="2026-01-04T02:00:00+00:00") == frozenset()
    assert flaky_cells(nights, ids, before="2026-01-05T02:00:00+00:00") == {ONE.id}


def test_change_that_is_not_believed_is_marked(nights: Store) -> None:
    """Its column missed a canary in one of the two runs; it does not make a cell flaky."""
    missed = MissedCanary(canary="hang", expected="timeout", seen="pass")
    check = CanaryCheck(target=ONE.target.key, tried=("hang",), missed=(missed,))
    last, *_ = nights.runs()
    how = Circumstances(harness="1", started_at="", seconds=1, workers=1, canaries=(check,))
    nights.end(last, how, 3)
    ids = [ONE.id, FAR.id]
    found = {step.now.cell: step for step in cell_transitions(nights, ids) if step.run == last.id}
    assert found[ONE.id].doubted == (last.id,)
    assert found[FAR.id].doubted == ()
    assert flaky_cells(nights, [ONE.id], before="2026-01-05T02:00:00+00:00") == frozenset()
    words = f"    not believed: its column missed a canary in run {last.id}"
    assert words in format_transitions([found[ONE.id]]).splitlines()


@pytest.mark.parametrize(
    ("name", "expected"),
    [(ONE.id, [ONE]), ("debian-12", [ONE, TWO]), (FAR.target.key, [FAR]), ("s0", [ONE, FAR])],
)
def test_names(nights: Store, name: str, expected: list[object]) -> None:
    """A cell, a target with or without its arch, or a subject."""
    assert list(named_cells(nights, name)) == [c.id for c in (ONE, TWO, FAR) if c in expected]


def test_unknown_name_suggests_the_nearest(nights: Store) -> None:
    with pytest.raises(StoreError, match=r"no cell, target or subject 'fedora-23'.*'fedora-32'"):
        named_cells(nights, "fedora-23")


def test_unknown_name_lists_some_known_names(store: Store) -> None:
    many = cells(100)
    store.add(store.begin(many), [saw(cell, PASS) for cell in many])
    with pytest.raises(StoreError, match=r"'x'; known: debian-12 .* and 78 more$"):
        named_cells(store, "x")


def test_a_query_sees_the_cell_after_the_change(nights: Store) -> None:
    """As planned and judged in that run."""
    ids = [ONE.id, FAR.id]
    found = cell_transitions(nights, ids, parse_query("outcome:import-failed target:debian-*"))
    assert [step.when[:10] for step in found] == ["2026-01-02"]
    found = cell_transitions(
        nights, ids, parse_query(f"group:{ONE.subject.group} -verdict:as-expected")
    )
    assert [step.when[:10] for step in found] == ["2026-01-04", "2026-01-02"]
    assert {step.now.outcome for step in found} == {FAILED}
    assert cell_transitions(nights, ids, parse_query("group:nobody")) == ()


def test_last_sightings(nights: Store) -> None:
    """Oldest first, with misses; the last result per run; no later run."""
    nights.add(nights.find("last"), [saw(FAR, PASS)])
    found = last_sightings(nights, [TWO.id, FAR.id], until="2026-01-04T02:00:00+00:00")
    assert [(each.when[:10], each.outcome) for each in found[FAR.id]] == [
        ("2026-01-01", FAILED),
        ("2026-01-04", PASS),
    ]
    assert [each.outcome for each in found[TWO.id]] == [PASS, Outcome.MISS, PASS]
    assert last_sightings(nights, [ONE.id], until="2025-12-31T00:00:00+00:00") == {}


def test_page_has_history_and_flaky_cells(nights: Store) -> None:
    night(nights, 5, saw(ONE, PASS), saw(FAR, FAILED))
    run = nights.run(nights.find("last"))
    past = past_of(run, known=known_past([run], nights.path))
    assert past.flaky == {ONE.id, FAR.id}
    assert [each.outcome for each in past.history[ONE.id]] == [PASS, FAILED, FAILED, PASS, PASS]


def test_sightings_are_counted(nights: Store) -> None:
    """Misses are not counted."""
    assert count_sightings(nights, [ONE.id, TWO.id]) == (2, 6)


def test_format_transitions(nights: Store) -> None:
    """One line per change and one per recorded difference."""
    assert format_transitions(cell_transitions(nights, [ONE.id])).splitlines() == [
        f"2026-01-04 02:00  {ONE.id}  import-failed (no-module) → pass",
        "    no other recorded change",
        f"2026-01-02 02:00  {ONE.id}  pass → import-failed (no-module)",
        "    image: sha256:old → sha256:new",
    ]
