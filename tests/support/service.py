"""A store with runs, and a real service of it as a process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
import uvicorn
from fastapi import FastAPI

from harness.core.cells import Cell, Outcome
from harness.core.observations import Observation
from harness.results.grid import build_grid, exit_code
from harness.results.runfile import Circumstances
from harness.store import RunInfo, Store, open_store
from harness.store.rows import Measured
from tests.support.cells import make_cell, saw
from tests.support.commands import free_port, wait_until
from tests.support.passports import make_passport

PASSPORT = "0123456789abcdef"
FAILING = "numpy"
"""The subject that fails from the second run on."""
SUBJECTS = ("numpy", "pyyaml", "cffi")


def run_cells(subjects: Sequence[str] = SUBJECTS) -> tuple[Cell, ...]:
    """Return one cell for each subject, on ``debian-12/s390x``."""
    return tuple(make_cell(subject=name) for name in subjects)


def observe(cell: Cell, outcome: Outcome = Outcome.PASS, log: str = "") -> Observation:
    seen = saw(cell, outcome)
    provenance = replace(seen.provenance, passport_id=PASSPORT)
    return replace(seen, log=log or f"Collecting {cell.subject.id}\n", provenance=provenance)


def add_run(
    store: Store,
    cells: Sequence[Cell],
    seen: Sequence[Observation],
    *,
    day: int,
    label: str = "nightly",
    ends: bool = True,
) -> RunInfo:
    """Add a run of ``day`` of November 2026 to a store, with its end unless it goes on."""
    at = f"2026-11-{day:02}T04:00:00+00:00"
    run = store.begin(cells, label=label, started_at=at, run_id=f"202611{day:02}T040000-{day:08x}")
    passport = Measured(id=PASSPORT, environment="", passport=make_passport())
    store.add(run, seen, [passport])
    if ends:
        how = Circumstances(harness="1", started_at=at, seconds=1, workers=2)
        store.end(run, how, exit_code(build_grid(cells, seen)))
    return store.find(run.id)


def fill_store(path: Path) -> None:
    """Write two nights: in the second one numpy fails to import."""
    cells = run_cells()
    with open_store(path, write=True) as store:
        add_run(store, cells, [observe(cell) for cell in cells], day=1)
        outcomes = {FAILING: Outcome.IMPORT_FAILED}
        seen = [observe(c, outcomes.get(c.subject.id, Outcome.PASS)) for c in cells]
        add_run(store, cells, seen, day=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningService:
    """A service on loopback."""

    url: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running_service(store: Path, port: int = 0) -> Iterator[RunningService]:
    """Run ``wheelgrid serve`` until the block ends."""
    port = port or free_port()
    words = ["serve", "--store", str(store), "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *words], env=os.environ | {"NO_COLOR": "1"}
    )
    service = RunningService(url=f"http://127.0.0.1:{port}", process=process)
    try:
        wait_until(lambda: _answers(service), seconds=60)
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                service.kill()


class ServiceClient(requests.Session):
    """Asks a service for paths."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def request(self, method: str, url: str, **how: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401
        how.setdefault("timeout", 60)
        return super().request(method, self.url + url, **how)


@contextlib.contextmanager
def served(application: FastAPI) -> Iterator[ServiceClient]:
    """Serve an application in a thread of this process."""
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started, seconds=60)
        with ServiceClient(f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
            yield client
        server.should_exit = True
        thread.join(timeout=60)


def _answers(service: RunningService) -> bool:
    if service.process.poll() is not None:
        raise AssertionError(f"the service ended with {service.process.returncode}")
    try:
        return requests.get(f"{service.url}/runs", timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False
