"""Run cells on a Dask cluster: a task is a target image with its cells, or a part of many.

Dask places the tasks, and gives those of a dead worker to another one. What workers measure comes
back through the topic of the run while they work, and as the results of tasks; each cell is
written to the journal once. The scheduler keeps the last events of a topic: a resumed run takes
what was measured while its client was gone. If the scheduler dies, the cells that are left are
submitted to the next one at that address.
"""

import json
import pickle
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Self

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from harness.app.cluster_identity import AMOUNT, own_identity, refusal, served
from harness.app.cluster_link import CONNECT_SECONDS, local_workers
from harness.app.cluster_task import ClusterTask, Starter, task_starter
from harness.app.cluster_worker import local_cluster
from harness.app.pytest_driver import RunOptions
from harness.app.sent_files import file_digests
from harness.core.cells import Cell
from harness.matrix.cell_list import dump_cells
from harness.matrix.units import WorkUnit, cut_units
from harness.probe.journal import NAME as JOURNAL_NAME
from harness.store.run_store import known_durations

PATIENCE = 120.0
"""Seconds to wait for a scheduler that is gone, and for a worker that serves an arch."""
LOOK = 2.0
"""Seconds between two looks at the workers."""
TRIES = 3
"""How often a task is given to a worker again after an error."""
RESUME = "`wheelgrid run --resume --on …` measures the cells that are left"
_DONE = 0


def ended_activities(workers: Iterable[str]) -> list[str]:
    """Return lines of the journal that end what these workers were doing: they are gone."""
    idle = {"event": "activity", "target": "", "doing": ""}
    return [json.dumps({**idle, "worker": worker}) for worker in workers]


class ClusterRun:
    """The tasks of a run; a context manager that ``pytest_driver.drive`` follows."""

    def __init__(
        self,
        cells: Sequence[Cell],
        options: RunOptions,
        run_id: str,
        announce: Callable[[str], None],
    ) -> None:
        self._options = options
        self._announce = announce
        self._topic = f"wheelgrid-{run_id or uuid.uuid4().hex}"
        self._journal = options.out / JOURNAL_NAME
        self._identity = own_identity(options.prober.matrix_folder)
        self._cells = {cell.id: cell for cell in cells}
        """The cells that have no result yet, by id."""
        self._units: tuple[WorkUnit, ...] = ()
        self._digests = file_digests(cells)
        self._paths = {digest: path for path, digest in self._digests.items()}
        self._events: SimpleQueue[Sequence[str]] = SimpleQueue()
        self._opened = ExitStack()
        self._local = ""
        self._client: Client | None = None
        self._futures: dict[WorkUnit, Future] = {}
        self._tries: Counter[str] = Counter()
        self._said: set[str] = set()
        self._busy: set[str] = set()
        self._looked = self._seen_alive = time.monotonic()
        self._gone_at = 0.0
        """When the scheduler was gone; 0 while it is there."""
        self._start_task: Starter = task_starter()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            if count := local_workers(self._options.on):
                cluster = opened.enter_context(local_cluster(count, self._options, self._identity))
                self._local = cluster.scheduler_address
            opened.callback(self._close)
            self._connect()
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def status(self) -> int | None:
        """Take what came, look after tasks and workers; return 0 if nothing is left to wait for."""
        if self._client is None or self._client.status != "running":
            return self._reconnect()
        with suppress(OSError):  # the connection breaks: the next call sees it
            self._take_events()
            for unit, future in list(self._futures.items()):
                self._look_at(unit, future)
            if time.monotonic() - self._looked > LOOK:
                self._look_at_workers()
            self._take_events()
            return None if self._futures else _DONE
        return None

    def interrupt(self) -> None:
        """Cancel the tasks; the workers close their containers."""
        if self._client is not None:
            with suppress(Exception):
                self._client.cancel(list(self._futures.values()))
        self._futures.clear()

    # --- the scheduler ----------------------------------------------------------------

    def _connect(self) -> None:
        """Connect, and submit what is left."""
        address = self._local or self._options.on
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        self._client = client
        client.subscribe_topic(self._topic, lambda event: self._events.put(event[1]))
        for _, lines in client.get_events(self._topic):
            self._events.put(lines)
        self._say_others(client)
        self._take_events()
        self._units = self._units or self._cut(client)
        data = self._sent(client)
        for unit in self._units:
            self._submit(client, unit, data)
        self._seen_alive = time.monotonic()
        self._look_at_workers()

    def _reconnect(self) -> int | None:
        """Wait for a scheduler at the same address; return 0 if none comes."""
        if not self._gone_at:
            self._gone_at = time.monotonic()
            self._announce(f"{self._options.on}: the scheduler is gone; waiting for another one")
            self._close()
        try:
            self._connect()
        except OSError:
            self._close()
            if time.monotonic() - self._gone_at < PATIENCE:
                return None
            self._announce(f"{self._options.on}: no scheduler for {PATIENCE:.0f} s; {RESUME}")
            return _DONE
        self._gone_at = 0.0
        self._announce(f"{self._options.on}: connected again")
        return None

    def _close(self) -> None:
        client, self._client = self._client, None
        self._futures.clear()
        if client is not None:
            with suppress(Exception):  # whatever a lost connection causes
                client.close(timeout=CONNECT_SECONDS)

    def _say_others(self, client: Client) -> None:
        """Say it if another client uses this scheduler: the workers are shared."""
        others = client.run_on_scheduler(lambda dask_scheduler: sorted(dask_scheduler.clients))
        count = sum(name.startswith("Client-") and "worker" not in name for name in others) - 1
        if count > 0:
            self._say_once(f"{self._options.on}: {count} other clients share these workers")

    # --- tasks ------------------------------------------------------------------------

    def _sent(self, client: Client) -> Mapping[str, Any]:
        """Send the user's own files, each content once; return digest → future of its bytes."""
        data = {digest: Path(path).read_bytes() for path, digest in self._digests.items()}
        if not data:
            return {}
        keys = {f"wheelgrid-file-{digest}": content for digest, content in data.items()}
        sent = client.scatter(keys, broadcast=bool(client.scheduler_info()["workers"]))
        return {digest: sent[f"wheelgrid-file-{digest}"] for digest in data}

    def _cut(self, client: Client) -> tuple[WorkUnit, ...]:
        """Return the units for the workers that are there, by the durations in the store."""
        store = self._options.store
        durations = known_durations(store if store and store.exists() else None)
        threads = [w["nthreads"] for w in client.scheduler_info()["workers"].values()]
        return cut_units(tuple(self._cells.values()), sum(threads), durations)

    def _submit(self, client: Client, unit: WorkUnit, data: Mapping[str, Any]) -> None:
        """Submit the cells of the unit that have no result yet, if any."""
        cells = tuple(cell for cell in unit.cells if cell.id in self._cells)
        if not cells:
            return
        config = self._options.prober.config
        task = ClusterTask(
            topic=self._topic,
            cells=dump_cells(cells),
            options=replace(self._options, store=None),
            config=(config.name, config.read_bytes()) if config else None,
            digests=self._digests,
        )
        self._futures[unit] = client.submit(
            self._start_task,
            pickle.dumps(task),
            dict(data),
            key=f"{self._topic}-{unit.name}-{uuid.uuid4().hex[:8]}",
            pure=False,
            priority=unit.seconds,
            resources={self._identity.resource(cells[0].target.arch_name): AMOUNT},
        )

    def _look_at(self, unit: WorkUnit, future: Future) -> None:
        match future.status:
            case "finished":
                self._finish(unit, future)
            case "error":
                self._failed(unit, future)
            case "cancelled" | "lost":
                self._again(unit)

    def _finish(self, unit: WorkUnit, future: Future) -> None:
        try:
            lines = future.result(timeout=CONNECT_SECONDS)
        except Exception:  # noqa: BLE001 - its worker died before it sent the result
            self._again(unit)
            return
        self._futures.pop(unit, None)
        self._take(lines)

    def _failed(self, unit: WorkUnit, future: Future) -> None:
        """Give the task to another worker, or leave its cells without a result."""
        error = future.exception(timeout=CONNECT_SECONDS)
        self._futures.pop(unit, None)
        if isinstance(error, KilledWorker):
            self._announce(f"{unit.name}: every worker that began it died; {RESUME}")
            return
        self._announce(f"{unit.name}: {error}")
        self._tries[unit.name] += 1
        if self._tries[unit.name] < TRIES:
            self._again(unit)

    def _again(self, unit: WorkUnit) -> None:
        self._futures.pop(unit, None)
        if self._client is not None:
            with suppress(OSError):
                self._submit(self._client, unit, self._sent(self._client))

    # --- events -----------------------------------------------------------------------

    def _take_events(self) -> None:
        with suppress(Empty):
            while True:
                self._take(self._events.get_nowait())

    def _take(self, lines: Sequence[str]) -> None:
        """Append the lines to the journal, but no second result of a cell."""
        if new := [kept for line in lines if (kept := self._kept(line))]:
            with self._journal.open("a", encoding="utf-8") as stream:
                stream.write("\n".join(new) + "\n")

    def _kept(self, line: str) -> str:
        """Return the line with the paths of this machine; empty for what is known already."""
        event = json.loads(line)
        if event["event"] == "activity":
            self._busy.add(event["worker"])
        if event["event"] != "cell":
            return line
        if self._cells.pop(event["observation"]["cell"], None) is None:
            return ""
        wheel = event["observation"]["wheel"]
        if wheel and wheel["sha256"] in self._paths:
            wheel["path"] = self._paths[wheel["sha256"]]
        return json.dumps(event)

    # --- workers ----------------------------------------------------------------------

    def _look_at_workers(self) -> None:
        """Say which workers are refused; give up cells of an arch that nobody serves."""
        assert self._client is not None  # noqa: S101 - as above
        self._looked = time.monotonic()
        workers = self._client.scheduler_info()["workers"]
        fit = {name: self._fits(name, worker) for name, worker in workers.items()}
        gone = self._busy - {str(worker["name"]) for worker in workers.values()}
        self._take(ended_activities(gone))
        self._busy -= gone  # what is taken adds them
        arches = set().union(*fit.values())
        waiting = {unit: unit.cells[0].target.arch_name for unit in self._futures}
        lacking = {arch for arch in waiting.values() if arch not in arches}
        if not lacking:
            self._seen_alive = self._looked
        elif self._looked - self._seen_alive < PATIENCE:
            self._say_once(f"waiting for a worker that serves {', '.join(sorted(lacking))}")
        else:
            self._announce(f"no worker serves {', '.join(sorted(lacking))}; {RESUME}")
            for unit in [unit for unit, arch in waiting.items() if arch in lacking]:
                self._futures.pop(unit).cancel()

    def _fits(self, name: str, worker: Mapping[str, Any]) -> set[str]:
        """Return the arches that a worker serves for this run; say why it serves none."""
        arches = served(worker["resources"])
        theirs = next(iter(arches.values()), None)
        if why := refusal(theirs, self._identity):
            self._say_once(f"worker {name} is refused: {why}")
            return set()
        return set(arches)

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._announce(text)
