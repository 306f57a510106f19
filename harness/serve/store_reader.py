"""Read the runs of a store for many threads at once, while other processes write to it."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from harness.results.grid import Grid
from harness.results.runfile import Run
from harness.store.database import connect
from harness.store.rows import RunInfo
from harness.store.run_lock import is_held
from harness.store.run_store import Store

LOADED_RUNS = 2
"""How many runs stay in memory without their logs; one of 5,000 cells takes some 30 MB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRun:
    """A run, and how far it is in the store."""

    info: RunInfo
    seen: int
    """Number of the last observation of the run; it grows while the run goes on."""
    live: bool
    """Whether a process is writing it."""

    @property
    def tag(self) -> str:
        """What every rendering of the run depends on."""
        return f"{self.info.id}.{self.seen}.{self.info.exit_code}.{self.live:d}"


class StoreReader:
    """The store of a service. Every method raises ``StoreError``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._loading = threading.Lock()
        self._loaded: OrderedDict[str, Run] = OrderedDict()

    @property
    def store(self) -> Store:
        """A connection of this thread; it only reads."""
        found: Store | None = getattr(self._local, "store", None)
        if found is None:
            found = Store(connect(self.path, write=False), self.path)
            self._local.store = found
        return found

    def state(self, name: str) -> StoredRun:
        """Return the run of that name: an id, ``last``, ``last-night``, or ``latest``.

        ``latest`` is the newest that has ended; the newest of all if none has.
        """
        store = self.store
        info = _latest(store) if name == "latest" else store.find(name)
        return StoredRun(
            info=info,
            seen=store.last_number(info),
            live=info.exit_code is None and is_held(self.path, info),
        )

    def runs(self) -> tuple[RunInfo, ...]:
        return self.store.runs()

    def live_runs(self) -> tuple[RunInfo, ...]:
        """Return the runs that a process is writing, newest first."""
        open_ones = (run for run in self.runs()[:50] if run.exit_code is None)
        return tuple(run for run in open_ones if is_held(self.path, run))

    def run(self, state: StoredRun) -> Run:
        """Return a run without logs. Several of the last ones stay in memory."""
        with self._loading:  # one at a time: memory is bounded, and the next one finds it
            if found := self._loaded.get(state.tag):
                self._loaded.move_to_end(state.tag)
                return found
            loaded = self.store.run(state.info, logs=False)
            stale = [tag for tag in self._loaded if tag.startswith(f"{state.info.id}.")]
            for tag in stale:
                del self._loaded[tag]
            self._loaded[state.tag] = loaded
            while len(self._loaded) > LOADED_RUNS:
                self._loaded.popitem(last=False)
            return loaded

    def grid(self, state: StoredRun) -> Grid:
        return self.run(state).grid

    def base_of(self, info: RunInfo) -> RunInfo | None:
        """Return the ended run with the same label that started before; None for the first."""
        earlier = (
            run
            for run in self.runs()
            if run.label == info.label
            and run.exit_code is not None
            and (run.started_at, run.number) < (info.started_at, info.number)
        )
        return next(earlier, None)


def _latest(store: Store) -> RunInfo:
    ended = next((run for run in store.runs() if run.exit_code is not None), None)
    return ended or store.find("last")
