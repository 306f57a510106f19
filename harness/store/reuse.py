"""Serve stored results to the prober by their key.

Timeouts are not reused, because they depend on the machine, nor results that varied.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.observations import Observation
from harness.core.passport import Passport
from harness.probe.result_cache import EarlierResults, NoEarlierResults
from harness.store.database import sql_errors
from harness.store.rows import restore
from harness.store.run_store import Store, open_store

NOT_REUSED = (Outcome.MISS, Outcome.TIMEOUT)


@contextlib.contextmanager
def open_earlier_results(path: Path | None) -> Iterator[EarlierResults]:
    """Open the store at ``path`` as a result cache; without a store it is empty.

    Raises ``StoreError``.
    """
    if path is None or not path.exists():
        yield NoEarlierResults()
        return
    with open_store(path) as store:
        yield StoredResults(store)


class StoredResults:
    """The result cache of an open store; every method raises ``StoreError``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def passport(self, environment: str) -> Passport | None:
        with sql_errors(self._store.path):
            row = self._store.connection.execute(
                "SELECT passport FROM environment WHERE key = ?", (environment,)
            ).fetchone()
        return self._store.passports(row).get(row[0]) if row else None

    def observation(self, key: str) -> Observation | None:
        with sql_errors(self._store.path):
            rows = self._store.connection.execute(
                "SELECT record, provenance, log, outcome FROM seen"
                " WHERE key = ? AND key != '' AND cached = 0 ORDER BY number",
                (key,),
            ).fetchall()
            if len({row[3] for row in rows}) != 1 or rows[-1][3] in NOT_REUSED:
                return None
            (found,) = restore(self._store.connection, [rows[-1][:3]])
        return None if found.cause == Cause.TIMEOUT else found
