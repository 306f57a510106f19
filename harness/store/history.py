"""Query how cells changed over the runs of a store, and which recorded inputs changed then.

Misses are ignored.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from harness.core.cells import Cell, Outcome
from harness.core.matching import did_you_mean
from harness.core.observations import Observation
from harness.matrix.cell_list import load_cells
from harness.results.differences import Difference, differences
from harness.results.grid import build_grid
from harness.results.past import PastResult
from harness.results.query import Query, seen_facts
from harness.store.database import StoreError, get_blob, sql_errors
from harness.store.rows import restore
from harness.store.run_store import Store

_STEPS = """
    SELECT run.id, run.started_at, run.roster,
        was.record, was.provenance, was.log, now.record, now.provenance, now.log, was.run, now.run
    FROM transition
    JOIN seen AS was ON was.number = transition.before
    JOIN seen AS now ON now.number = transition.seen
    JOIN run ON run.number = now.run
    WHERE transition.cell IN (SELECT value FROM json_each(?))
    ORDER BY now.number DESC"""

_SIGHTINGS = """
    SELECT seen.cell, run.id, run.started_at, seen.outcome, seen.cause
    FROM (
        SELECT number, id, started_at FROM run
        WHERE started_at <= ? ORDER BY started_at DESC, number DESC LIMIT ?
    ) AS run
    CROSS JOIN seen ON seen.run = run.number
    WHERE +seen.cell IN (SELECT value FROM json_each(?))
    ORDER BY run.started_at, run.number, seen.number"""
"""By the index of runs (CROSS JOIN and ``+`` say so): a cell has rows in all runs, not in these."""
_DOUBTED = """
    SELECT run.number, json_extract(checked.value, '$.target'), run.id
    FROM run JOIN ending ON ending.run = run.number,
        json_each(ending.circumstances, '$.canaries') AS checked
    WHERE run.number IN (SELECT value FROM json_each(?))
        AND json_array_length(checked.value, '$.missed') > 0"""
_RESULTS = """
    SELECT seen.number, run.id, run.started_at, seen.outcome, seen.cause
    FROM seen JOIN run ON run.number = seen.run
    WHERE seen.cell = ? AND seen.number < ? ORDER BY seen.number DESC LIMIT ?"""
SPAN = 30
"""Maximum runs in the history of a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellTransition:
    """One change of one cell."""

    run: str
    """Id of the run with the new result."""
    when: str
    """Start of that run: UTC, ISO 8601."""
    was: Observation
    now: Observation
    differences: tuple[Difference, ...]
    """Other recorded changes between the two; empty if flaky or the cause is unrecorded."""
    doubted: tuple[str, ...] = ()
    """Ids of the runs of the two whose column missed a canary: these results are not believed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellResult:
    """One result of a cell."""

    run: str
    """Id of the run."""
    when: str
    """Start of that run: UTC, ISO 8601."""
    outcome: Outcome
    cause: str


def cell_results(
    store: Store, cell: str, *, before: int = 0, limit: int
) -> list[tuple[int, CellResult]]:
    """Return the results of a cell with their numbers, newest first.

    ``before``: only results with smaller numbers; 0 begins with the newest.
    """
    with sql_errors(store.path):
        rows = store.connection.execute(_RESULTS, (cell, before or 1 << 62, limit)).fetchall()
    return [
        (number, CellResult(run=run, when=when, outcome=Outcome(outcome), cause=cause))
        for number, run, when, outcome, cause in rows
    ]


def runs_with(store: Store, target: str) -> frozenset[int]:
    """Return the numbers of the runs with results of a target, with or without arch."""
    with sql_errors(store.path):
        rows = store.connection.execute(
            "SELECT DISTINCT run FROM seen WHERE cell >= ? AND cell < ?",
            (f"{target}/", f"{target}0"),  # "0" is the character after "/"
        )
        return frozenset(number for (number,) in rows)


def named_cells(store: Store, name: str) -> tuple[str, ...]:
    """Return the sorted ids of all stored cells that ``name`` refers to.

    A name is a cell, a target with or without arch, or a subject. Raises ``StoreError`` if it is
    unknown.
    """
    with sql_errors(store.path):
        rows = store.connection.execute("SELECT DISTINCT cell FROM transition ORDER BY cell")
        cells = [cell for (cell,) in rows]
    found = tuple(cell for cell in cells if name in _names(cell))
    if not found:
        hint = did_you_mean(name, {part for cell in cells for part in _names(cell)[1:]})
        raise StoreError(f"{store.path}: no cell, target or subject {name!r}{hint}")
    return found


def cell_transitions(
    store: Store, cells: Iterable[str], query: Query | None = None
) -> tuple[CellTransition, ...]:
    """Return the changes of ``cells`` that match ``query``, newest first.

    A query matches a cell as planned and judged in the run with the new result.
    """
    with sql_errors(store.path):
        rows = store.connection.execute(_STEPS, (_json(cells),)).fetchall()
        seen = restore(store.connection, [row[6:9] for row in rows], logs=False)
        before = restore(store.connection, [row[3:6] for row in rows], logs=False)
    ids = {each.provenance.passport_id for each in (*seen, *before)}
    passports = store.passports(sorted(ids))
    meets = _tester(store, query)
    doubted = _doubted_columns(store, {number for row in rows for number in row[9:]})
    return tuple(
        CellTransition(
            run=row[0],
            when=row[1],
            was=was,
            now=now,
            differences=differences(was, now, passports),
            doubted=tuple(
                doubted[number, column_of(now.cell)]
                for number in row[9:]
                if (number, column_of(now.cell)) in doubted
            ),
        )
        for row, was, now in zip(rows, before, seen, strict=True)
        if meets(row[2], now)
    )


def flaky_cells(store: Store, cells: Iterable[str], *, before: str) -> frozenset[str]:
    """Return the cells that changed with no other recorded change, in runs started earlier.

    ``before``: UTC, ISO 8601.
    """
    earlier = (step for step in cell_transitions(store, cells) if step.when < before)
    return frozenset(step.now.cell for step in earlier if not step.differences and not step.doubted)


def last_sightings(
    store: Store, cells: Iterable[str], *, until: str
) -> dict[str, tuple[PastResult, ...]]:
    """Return the results per cell of the last ``SPAN`` runs started by ``until``, oldest first.

    ``until``: UTC, ISO 8601.
    """
    with sql_errors(store.path):
        rows = store.connection.execute(_SIGHTINGS, (until, SPAN, _json(cells))).fetchall()
    seen: dict[str, dict[str, PastResult]] = defaultdict(dict)
    for cell, run, when, outcome, cause in rows:
        # If a run has a cell twice, the last result counts.
        seen[cell][run] = PastResult(when=when, outcome=Outcome(outcome), cause=cause)
    return {cell: tuple(sighted.values()) for cell, sighted in seen.items()}


def count_sightings(store: Store, cells: Iterable[str]) -> tuple[int, int]:
    """Return how many of ``cells`` have results, and the number of results."""
    with sql_errors(store.path):
        ((cell_count, count),) = store.connection.execute(
            "SELECT count(DISTINCT cell), count(*) FROM seen"
            " WHERE cell IN (SELECT value FROM json_each(?)) AND outcome != ?",
            (_json(cells), Outcome.MISS),
        )
    return cell_count, count


def column_of(cell: str) -> str:
    """Return ``<target>/<arch>`` of a cell's id."""
    return "/".join(cell.split("/", 2)[:2])


def _doubted_columns(store: Store, runs: Iterable[int]) -> dict[tuple[int, str], str]:
    """Return number of a run and column → id of the run, where a canary was missed."""
    with sql_errors(store.path):
        rows = store.connection.execute(_DOUBTED, (json.dumps(sorted(runs)),)).fetchall()
    return {(number, column): run for number, column, run in rows}


def _names(cell: str) -> Sequence[str]:
    target, arch, subject = cell.split("/", 2)
    return cell, target, f"{target}/{arch}", subject


def _tester(store: Store, query: Query | None) -> Callable[[str, Observation], bool]:
    """Return a function that tests an observation of a cell of a stored cell list."""

    @cache  # nightly runs share one cell list
    def planned(cell_list: str) -> dict[str, Cell]:
        with sql_errors(store.path):
            return {cell.id: cell for cell in load_cells(get_blob(store.connection, cell_list))}

    def meets(cell_list: str, seen: Observation) -> bool:
        if query is None or not query.terms:
            return True
        cell = planned(cell_list)[seen.cell]
        return query.matches(seen_facts(build_grid([cell], [seen]).cells[0]))

    return meets


def _json(cells: Iterable[str]) -> str:
    return json.dumps(list(cells))
