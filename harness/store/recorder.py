"""Store a run as its cells finish.

If the store cannot be written any more, the run continues: the journal and ``run.json`` have the
rest, and ``error`` has the reason. What a full disk did not take is written when it has space.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from harness.core.errors import ExitCode
from harness.core.passport import Passport
from harness.probe.journal import activities, observations, passports
from harness.results.runfile import Circumstances, Repeats, RepeatTotals
from harness.store.database import FullStoreError, StoreError
from harness.store.repeats import find_repeats, repeats_before
from harness.store.rows import Measured, RunInfo
from harness.store.run_store import Store


class Recorder:
    """Stores one run in progress."""

    def __init__(self, store: Store, run: RunInfo) -> None:
        self.run = run
        self.error: StoreError | None = None
        """Why later results are not stored; None if all are."""
        self._store = store
        self._waiting: list[Callable[[], None]] = []
        """Writes that a full disk did not take, in order."""

    def take(self, events: Sequence[dict[str, Any]]) -> None:
        found = list(events)
        measured = [
            Measured(id=each, environment=environment, passport=passport)
            for each, environment, passport in passports(found)
        ]
        self._try(lambda: self._store.add(self.run, list(observations(found)), measured))
        if doing := dict(activities(found)):
            self._try(lambda: self._store.set_activities(self.run, doing))

    def end(self, circumstances: Circumstances, exit_code: ExitCode) -> None:
        self._try(lambda: self._store.end(self.run, circumstances, exit_code))

    def repeats(self) -> Repeats:
        """Return what this run measured again; nothing if the store cannot be read."""
        try:
            return find_repeats(self._store, self.run)
        except StoreError as error:
            self.error = self.error or error
            return Repeats()

    def repeats_so_far(self, repeats: Repeats) -> RepeatTotals:
        """Return those of all runs with this run's label; nothing if they cannot be read."""
        try:
            return repeats_before(self._store, self.run).plus(repeats)
        except StoreError as error:
            self.error = self.error or error
            return RepeatTotals()

    def passports(self, ids: Iterable[str]) -> dict[str, Passport]:
        """Return the stored passports of ``ids``; none if the store cannot be read."""
        try:
            return self._store.passports(sorted(ids))
        except StoreError as error:
            self.error = self.error or error
            return {}

    def _try(self, write: Callable[[], None]) -> None:
        if self.error is not None and not isinstance(self.error, FullStoreError):
            return
        self._waiting.append(write)
        try:
            while self._waiting:
                self._waiting[0]()
                self._waiting.pop(0)
        except StoreError as error:
            self.error = error
        else:
            self.error = None
