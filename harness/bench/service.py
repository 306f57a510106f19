"""Measure a service under readers.

``python -m harness.bench.service [CELLS [RUNS [SECONDS [FILE]]]]``

Serves a store of 200 runs of 5,000 cells to 50 readers while another process writes one more run;
each asks once a second from the moment on at which the service says that it answers. The
exit code is 1 if the 95th percentile is above the limits, or the memory of the service. A store in
``FILE`` is written if it is missing, and stays for the next time.
"""

import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing.synchronize import Event
from pathlib import Path

import requests

from harness.bench.storage import sample_cells, sample_observations, write_runs
from harness.core.cells import Cell
from harness.core.errors import ExitCode
from harness.serve.server import serve_store
from harness.store import open_store
from harness.store.run_lock import hold_run

CELLS, RUNS, SECONDS = 5_000, 200, 30
READERS, READER_PROCESSES = 50, 2
LIMITS = {"grid": 0.300, "live": 0.300, "history": 0.060}
"""Seconds that 95 of 100 answers may take."""
MOST_MEMORY = 400
"""MB of the service's processes, each at its highest."""
SHARE = {"grid": 0.2, "live": 0.1, "history": 0.4, "cell": 0.1, "project": 0.1, "search": 0.1}
"""How often a reader asks for what; ``live`` is the grid of the run that is written."""
PAUSE = 1.0
"""Seconds between two requests of a reader."""
LISTEN = "127.0.0.1:8497"

Times = dict[str, list[float]]


def main(words: Sequence[str]) -> ExitCode:
    """Measure and print."""
    given = [int(word) for word in words[:3]]
    count, runs, seconds = [*given, *(CELLS, RUNS, SECONDS)[len(given) :]]
    cells = sample_cells(count)
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(words[3]) if words[3:] else Path(folder, "store.db")
        if not path.exists():
            write_runs(path, cells, runs)
        answering, writing = spawn.Event(), spawn.Event()
        service = spawn.Process(target=_serve, args=(path, answering))
        writer = spawn.Process(target=_write, args=(path, cells, writing))
        writer.start()
        writing.wait()
        start = time.monotonic()
        service.start()
        try:
            answering.wait()
            began = time.monotonic() - start
            times = _read(cells, seconds)
            memory = _peak_memory(service.pid or 0)
            writer.terminate()
            quiet = _readers([cells[0].id], 1, 5, {"history": 1.0}, pause=0.1)["history"]
        finally:
            for process in (writer, service):
                process.terminate()
                process.join()
    load = "  ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{runs} runs of {count:,} cells, {READERS} readers, {seconds} s, while a run is written")  # noqa: T201
    print(f"  {os.cpu_count()} cores, load {load}; it answers after {began:.1f} s")  # noqa: T201
    print(f"  a history alone takes {statistics.median(quiet) * 1000:.1f} ms")  # noqa: T201
    return _tell(times, memory)


def _serve(path: Path, answering: Event) -> None:
    serve_store(path, LISTEN, public=False, ready=answering.set)


def _write(path: Path, cells: Sequence[Cell], writing: Event) -> None:
    """Write one more run, ten cells a second."""
    with open_store(path, write=True) as store:
        run = store.begin(cells)
        with hold_run(path, run):
            writing.set()
            for seen in sample_observations(cells, 1):
                store.add(run, [seen])
                time.sleep(0.1)


def _read(cells: Sequence[Cell], seconds: int) -> Times:
    names = [cell.id for cell in cells[:: len(cells) // 100]]
    work = [(names, READERS // READER_PROCESSES, seconds, SHARE)] * READER_PROCESSES
    with multiprocessing.get_context("spawn").Pool(READER_PROCESSES) as pool:
        parts = pool.starmap(_readers, work)
    return {kind: [t for part in parts for t in part.get(kind, [])] for kind in SHARE}


def _readers(
    names: Sequence[str], number: int, seconds: int, share: dict[str, float], pause: float = PAUSE
) -> Times:
    """Let some readers ask, each in a thread; return the seconds of each answer."""
    times: dict[str, list[float]] = defaultdict(list)
    until = time.monotonic() + seconds

    def ask(chance: random.Random) -> None:
        with requests.Session() as session:
            time.sleep(chance.uniform(0, pause))
            while time.monotonic() < until:
                (kind,) = chance.choices([*share], [*share.values()])
                start = time.monotonic()
                address = f"http://{LISTEN}{_path(kind, chance.choice(names))}"
                with session.get(address, stream=True, timeout=60) as answer:
                    answer.raise_for_status()
                    answer.raw.read(decode_content=False)
                times[kind].append(time.monotonic() - start)
                time.sleep(max(0.0, pause - (time.monotonic() - start)))

    threads = [
        threading.Thread(target=ask, args=(random.Random(seed),))  # noqa: S311 - a sample
        for seed in range(number)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(times)


def _path(kind: str, cell: str) -> str:
    match kind:
        case "grid":
            return "/"
        case "live":
            return "/runs/last"
        case "cell":
            return f"/cells/{cell}"
        case "history":
            return f"/api/v1/cells/{cell}/history"
        case "project":
            return f"/projects/{cell.rpartition('/')[2]}"
        case _:
            return f"/api/v1/search?q={cell.rpartition('/')[2]}"


def _peak_memory(pid: int) -> float:
    """Return the MB of a process and of those that it has started."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(line.split()[1]) / 1000 + sum(_peak_memory(int(child)) for child in children)


def _tell(times: Times, memory: float) -> ExitCode:
    right = memory <= MOST_MEMORY
    for kind, seen in times.items():
        p50, p95, p99 = (statistics.quantiles(seen, n=100)[part - 1] for part in (50, 95, 99))
        shown = f"p50 {p50 * 1000:6.1f}  p95 {p95 * 1000:6.1f}  p99 {p99 * 1000:6.1f} ms"
        limit = LIMITS.get(kind)
        words = f"  (limit {limit * 1000:.0f} ms)" if limit else ""
        print(f"  {kind:<8} {len(seen):5} answers  {shown}{words}")  # noqa: T201 - the page
        right = right and (limit is None or p95 <= limit)
    print(f"  memory   {memory:.0f} MB at most  (limit {MOST_MEMORY} MB)")  # noqa: T201
    return ExitCode.AS_EXPECTED if right else ExitCode.UNEXPECTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
