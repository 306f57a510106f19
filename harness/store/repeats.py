"""Find what a run measured again, and whether it saw the same."""

from pydantic import TypeAdapter

from harness.core.cells import Outcome
from harness.results.runfile import Repeats, RepeatTotals
from harness.store.database import sql_errors
from harness.store.rows import RunInfo
from harness.store.run_store import Store

_REPEATS = """
    WITH measured AS (
        SELECT max(number) AS number, key, cell, outcome FROM seen
        WHERE run = :run AND cached = 0 AND key != '' AND outcome != :miss
            AND json_extract(record, '$.measured_on') IS NULL
        GROUP BY key
    )
    SELECT measured.cell, measured.outcome, before.outcome FROM measured JOIN seen AS before
        ON before.number = (
            SELECT number FROM seen WHERE key = measured.key AND key != '' AND run < :run
            AND cached = 0 AND outcome != :miss ORDER BY number DESC LIMIT 1
        )
    """
"""Cell, outcome and the outcome before of what was measured again with the same key.

``key != ''`` lets SQLite use the index of keys, which is partial; otherwise it reads the whole
table backwards for each key that is new.
"""
_REPEATS_BEFORE = """
    SELECT json_extract(circumstances, '$.repeats') FROM ending
    WHERE number IN (
        SELECT max(ending.number) FROM ending JOIN run ON run.number = ending.run
        WHERE run.label = :label AND run.number < :run GROUP BY run.number
    ) AND json_extract(circumstances, '$.repeats') IS NOT NULL
    """
_REPEATS_OF_RUN: TypeAdapter[Repeats] = TypeAdapter(Repeats)


def find_repeats(store: Store, run: RunInfo) -> Repeats:
    """Return the measurements of the run that repeat one of an earlier run, by their key.

    Raises ``StoreError``.
    """
    with sql_errors(store.path):
        rows = store.connection.execute(
            _REPEATS, {"run": run.number, "miss": Outcome.MISS}
        ).fetchall()
    differing = sorted(cell for cell, now, before in rows if now != before)
    return Repeats(measured=len(rows), differing=tuple(differing))


def repeats_before(store: Store, run: RunInfo) -> RepeatTotals:
    """Return the stored repeats of the runs with the label of ``run`` that began before it.

    Raises ``StoreError``.
    """
    total = RepeatTotals()
    with sql_errors(store.path):
        rows = store.connection.execute(
            _REPEATS_BEFORE, {"run": run.number, "label": run.label}
        ).fetchall()
    for (stored,) in rows:
        total = total.plus(_REPEATS_OF_RUN.validate_json(stored))
    return total
