"""A run on its way into the store: events of its journal in, rows as cells finish out.

A store that can no longer be written (the disk is full) does not end the run: what was stored
stays, the journal and ``run.json`` have the rest, and ``error`` says what happened.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from harness.core.errors import ExitCode
from harness.core.passport import Passport
from harness.probe.journal import observations, passports
from harness.results.runfile import Circumstances
from harness.store.database import StoreError
from harness.store.rows import Measured, RunInfo
from harness.store.run_store import Store


class Recorder:
    """Writes one run as it goes."""

    def __init__(self, store: Store, run: RunInfo) -> None:
        self.run = run
        self.error: StoreError | None = None
        """Why the store lacks what came later; None where it lacks nothing."""
        self._store = store

    def take(self, events: Sequence[dict[str, Any]]) -> None:
        """Store what these events tell of cells and passports."""
        found = list(events)
        measured = (
            Measured(id=each, environment=environment, passport=passport)
            for each, environment, passport in passports(found)
        )
        self._try(lambda: self._store.add(self.run, list(observations(found)), list(measured)))

    def end(self, circumstances: Circumstances, exit_code: ExitCode) -> None:
        """Store how the run ended."""
        self._try(lambda: self._store.end(self.run, circumstances, exit_code))

    def passports(self, ids: Iterable[str]) -> dict[str, Passport]:
        """Return those of ``ids`` that the store knows; none where it cannot be read."""
        try:
            return self._store.passports(sorted(ids))
        except StoreError as error:
            self.error = self.error or error
            return {}

    def _try(self, write: Callable[[], None]) -> None:
        if self.error is None:
            try:
                write()
            except StoreError as error:
                self.error = error
