"""Read the runs of a store for many threads at once, while other processes write to it."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.results.grid import Grid
from harness.serve.documents import RunPage, run_line
from harness.store.database import connect
from harness.store.history import cell_results
from harness.store.rows import RunInfo
from harness.store.run_lock import is_held
from harness.store.run_store import Store

KEPT_GRIDS = 3
"""How many grids stay in memory without their logs; one of 5,000 cells takes some 30 MB."""
LIVE_SECONDS = 5.0
"""How often a run in progress is read again; its events have what was seen since."""


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
        self._grids: OrderedDict[str, Grid] = OrderedDict()
        self._live: dict[str, tuple[float, StoredRun]] = {}

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

        ``latest`` is the newest that has ended; the newest of all if none has. What is returned of
        a run in progress is at most ``LIVE_SECONDS`` old.
        """
        store = self.store
        info = _latest(store) if name == "latest" else store.find(name)
        live = info.exit_code is None and is_held(self.path, info)
        now = time.monotonic()
        read_at, known = self._live.get(info.id, (0.0, None))
        if live and known and now - read_at < LIVE_SECONDS:
            return known
        state = StoredRun(info=info, seen=store.last_number(info), live=live)
        if live:
            self._live[info.id] = now, state
        return state

    def runs(self) -> tuple[RunInfo, ...]:
        return self.store.runs()

    def run_page(self, runs: Sequence[RunInfo], *, next: str = "") -> RunPage:  # noqa: A002 - its field
        """Return these runs as a page of a list."""
        lines = (
            run_line(run, live=run.exit_code is None and is_held(self.path, run)) for run in runs
        )
        return RunPage(runs=tuple(lines), next=next)

    def newest_result(self, cell: str) -> int:
        """Return the number of the last result of a cell in any run; 0 if it has none."""
        results = cell_results(self.store, cell, limit=1)
        return results[0][0] if results else 0

    def grid(self, state: StoredRun) -> Grid:
        """Return a grid without logs. Several of the last ones stay in memory; for one thread."""
        if found := self._grids.get(state.tag):
            self._grids.move_to_end(state.tag)
            return found
        for tag in [tag for tag in self._grids if tag.startswith(f"{state.info.id}.")]:
            del self._grids[tag]
        while len(self._grids) >= KEPT_GRIDS:
            self._grids.popitem(last=False)
        self._grids[state.tag] = self.store.grid(state.info, logs=False)
        return self._grids[state.tag]

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
