"""A task of a Dask worker: the cells of one target image, run as ``wheelgrid run`` runs them.

pytest measures here too. What it appends to its journal goes to the topic of the run, which the
scheduler passes on and keeps, and all of it is the task's result.
"""

import io
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.app.engine_wiring import open_pool
from harness.app.prober_options import TURN
from harness.app.pytest_driver import (
    LOG,
    PYTEST_DONE,
    Events,
    RunOptions,
    drive,
    prepare_out,
    pytest_process,
    write_cells,
)
from harness.app.sent_files import store_files, with_paths
from harness.core.causes import Cause
from harness.core.cells import Cell
from harness.core.engine_places import parse_place
from harness.core.errors import EngineError
from harness.host.cache import Cache, default_cache_root
from harness.host.package_data import fixtures_folder
from harness.matrix.cell_list import load_cells
from harness.probe.journal import NAME as JOURNAL_NAME
from harness.report.console import Console
from harness.results.run_state import RunState

MATRIX = "WHEELGRID_WORKER_MATRIX"
"""Environment variable of a worker: the folder of its matrix."""
ENGINES = "WHEELGRID_WORKER_ENGINES"
"""Environment variable of a worker: a JSON list of its engines, as ``ARCH=ADDRESS``."""
TAIL = 3_000
"""Characters of pytest's output that explain why it broke."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterTask:
    """The cells of one target image, and all that a worker needs for them."""

    topic: str
    cells: bytes
    """As ``matrix.cell_list`` writes them."""
    options: RunOptions
    config: tuple[str, bytes] | None = None
    """Name and content of the project's configuration."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Path on the client → SHA-256 of each file that the cells name."""


def run_task(task: ClusterTask, data: Mapping[str, bytes], worker: Any) -> list[str]:  # noqa: ANN401 - Dask is optional
    """Run the cells and return the lines of the journal.

    ``data``: the sent files by digest. Raises ``EngineError`` if pytest breaks or leaves a cell
    without a result, or if the engine of this worker does not answer, before or afterwards: then
    the worker leaves the cluster, so that it does not fail one task after the other, and cells
    that the engine missed are another worker's.
    """
    if isinstance(worker.name, int):  # of a local cluster, which has one environment for all
        os.environ[TURN] = str(worker.name)
    paths = store_files(task.digests, data, Cache(default_cache_root()))
    cells = with_paths(load_cells(task.cells), paths.__getitem__)
    with tempfile.TemporaryDirectory(prefix="wheelgrid-task-") as folder:
        options = options_here(task, Path(folder))
        _require_engine(options, cells, worker)
        prepare_out(options.out)
        words = pytest_process(options, write_cells(options.out, cells))
        journal = JournalLines(options.out / JOURNAL_NAME, worker.name)
        key, interrupted = worker.get_current_task(), False

        def forward(_: Events) -> None:
            nonlocal interrupted
            if new := journal.read_on():
                worker.log_event(task.topic, new)
            if not interrupted and _is_cancelled(worker, key):
                interrupted = True  # once: pytest has some time to close its containers
                raise KeyboardInterrupt

        with closing(io.StringIO()) as page:
            state = RunState(cells)
            ending = drive(words, state, options.out, Console(file=page), record=forward)
        if journal.missed:
            _require_engine(options, cells, worker)
        if not ending.interrupted and (ending.status not in PYTEST_DONE or state.left):
            log = (options.out / LOG).read_text("utf-8", "replace")
            what = f"no result of {len(state.left)} of {len(cells)} cells"
            raise EngineError(f"{what}; pytest ended with status {ending.status}: {log[-TAIL:]}")
        return journal.lines + journal.missed


def _require_engine(options: RunOptions, cells: Sequence[Cell], worker: Any) -> None:  # noqa: ANN401 - Dask is optional
    try:
        with closing(open_pool(options.prober, lambda _: None)) as pool:
            pool.ranked(cells[0].target.arch)
    except EngineError:
        worker.loop.add_callback(worker.close_gracefully, restart=False)
        raise


class JournalLines:
    """The lines of a journal as they are appended, with the name of the Dask worker in them."""

    def __init__(self, path: Path, worker: object) -> None:
        self._path = path
        self._worker = str(worker)
        self._offset = 0
        self.lines: list[str] = []
        self.missed: list[str] = []
        """Cells that the engine missed: they are results only if it answers."""

    def read_on(self) -> list[str]:
        """Return the lines that are complete since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            data = stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        new: list[str] = []
        for line in whole.splitlines():
            with suppress(ValueError, TypeError):  # a killed process's; its cell is measured again
                event = {**json.loads(line), "worker": self._worker}
                missed = event.get("observation", {}).get("cause") == Cause.ENGINE
                (self.missed if missed else new).append(json.dumps(event))
        self.lines += new
        return new


def options_here(task: ClusterTask, folder: Path) -> RunOptions:
    """Return the options of the task on this machine, which has paths and engines of its own."""
    config = None
    if task.config:
        config = folder / task.config[0]
        config.write_bytes(task.config[1])
    prober = replace(
        task.options.prober,
        matrix_folder=Path(os.environ[MATRIX]),
        fixtures=fixtures_folder(),
        config=config,
        engines=tuple(map(parse_place, json.loads(os.environ[ENGINES]))),
    )
    return replace(task.options, prober=prober, out=folder / "grid", workers=1, store=None, on="")


def _is_cancelled(worker: Any, key: str) -> bool:  # noqa: ANN401 - Dask is optional
    """Whether nobody waits for the task any more."""
    state = worker.state.tasks.get(key)
    return state is None or state.state in ("cancelled", "released", "forgotten")


Starter = Callable[[bytes, Mapping[str, bytes]], list[str]]


def task_starter() -> Starter:
    """Return a function that runs a pickled task on a worker.

    It is sent by value: the scheduler, which unpickles it too, may lack this program.
    """

    def start_task(pickled: bytes, data: Mapping[str, bytes]) -> list[str]:
        import pickle  # noqa: PLC0415 - on the worker

        from distributed import get_worker  # noqa: PLC0415

        from harness.app.cluster_task import run_task  # noqa: PLC0415

        return run_task(pickle.loads(pickled), data, get_worker())  # noqa: S301 - a Dask task

    return start_task
