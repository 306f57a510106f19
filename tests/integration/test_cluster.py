"""Runs on a Dask scheduler and workers that are killed."""

import contextlib
import random
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.app.cluster_identity import own_identity
from harness.app.cluster_link import scheduler_identity
from harness.core.observations import Observation
from harness.host.cache import file_sha256
from harness.host.package_data import matrix_folder
from harness.images.debian_root import native_arch
from harness.store import open_store
from tests.support.commands import Started, free_port, started_wheelgrid, wait_until, wheelgrid
from tests.support.dask_processes import address, scheduler, started_worker, worker_count
from tests.support.engine_proxy import engine_proxy
from tests.support.torn_server import torn_server
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

WORKERS = 3
VICTIMS = ("worker", "worker", "scheduler", "client")
SUBJECTS = ("plain", "abi3", "multi", "pure", "cxx")
CELLS = (
    *("--target", "debian-1*", "--arch", native_arch().name, "--images", "assembled"),
    *(word for subject in SUBJECTS for word in ("--subject", subject)),
)
FEW = ("--target", "debian-1[23]", *CELLS[2:8])
"""Two cells."""
ONE = ("--target", "debian-12", *CELLS[2:8])
COUNT = 3 * len(SUBJECTS)
LONG = 300
"""Seconds after which a run hangs; a busy machine may take minutes."""


@pytest.fixture(scope="module")
def one_machine(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[float, dict[str, tuple[object, ...]]]:
    """Return the seconds of a run on one machine, and what it shows."""
    folder = tmp_path_factory.mktemp("alone")
    ended = wheelgrid("run", *CELLS, *kept(folder), timeout=LONG)
    assert ended.status == 0, ended.said
    return ended.seconds, shown(folder)


@pytest.fixture(scope="module")
def alone(
    one_machine: tuple[float, dict[str, tuple[object, ...]]],
) -> dict[str, tuple[object, ...]]:
    """Return what a run on one machine shows."""
    return one_machine[1]


@pytest.fixture
def port() -> Iterator[int]:
    """Return the port of a scheduler."""
    number = free_port()
    with scheduler(number):
        yield number


def kept(folder: Path) -> tuple[object, ...]:
    """Return the options for the files of a run."""
    return ("--store", folder / "runs.db", "--out", folder / "grid")


def shown(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return what the last run in that folder has of each cell; no cell has two rows."""
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as database:
        rows = "SELECT cell FROM seen WHERE run = (SELECT max(number) FROM run)"
        cells = [cell for (cell,) in database.execute(rows)]
    assert len(cells) == len(set(cells)) == COUNT
    with open_store(folder / "runs.db") as store:
        return {seen.cell: _result(seen) for seen in store.observations(store.find("last"))}


def _result(seen: Observation) -> tuple[object, ...]:
    wheel = (seen.wheel.filename, seen.wheel.sha256) if seen.wheel else ()
    judged = (seen.outcome, seen.stage, seen.cause, seen.evidence, seen.key, seen.prediction)
    return (*judged, *wheel, seen.imports, seen.findings, seen.provenance.image)


class KilledParts(contextlib.ExitStack):
    """A scheduler, three workers and a client; whoever is killed is started again."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.at = address(free_port())
        self.folder = folder
        self._scheduler = self.enter_context(contextlib.ExitStack())
        self.restart_scheduler()
        self.workers: list[Started] = []
        self.add_workers()

    def restart_scheduler(self) -> None:
        """Kill the scheduler, if any, and start one at the same address."""
        self._scheduler.close()
        self._scheduler.enter_context(scheduler(int(self.at.rpartition(":")[2])))

    def add_workers(self) -> None:
        """Start as many workers as are missing."""
        while len(self.workers) < WORKERS:
            self.workers.append(self.enter_context(started_worker(self.at)))

    def begin(self) -> Started:
        """Start the run, or what is left of it."""
        words = ("--images", "assembled") if (stored := self._stored()) else CELLS
        resume = ("--resume",) if stored else ()
        return self.enter_context(
            started_wheelgrid("run", *resume, "--on", self.at, *words, *kept(self.folder))
        )

    def _stored(self) -> bool:
        path = self.folder / "runs.db"
        if not path.exists():
            return False
        with open_store(path) as store:
            return bool(store.runs())

    def kill(self, victim: str, chance: random.Random, run: Started) -> Started:
        """Kill a part, and return the run that goes on."""
        match victim:
            case "worker":
                self.workers.pop(chance.randrange(len(self.workers))).kill()
            case "scheduler":
                self.restart_scheduler()
            case _:
                run.kill()
                return self.begin()
        return run


def is_over(run: Started, seconds: float) -> bool:
    """Whether the run ends within some seconds."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.process.wait(timeout=max(seconds, 0))
    return run.process.poll() is not None


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.nightly)])
def test_killed_processes_change_no_result(
    rounds: int,
    one_machine: tuple[float, dict[str, tuple[object, ...]]],
    tmp_path: Path,
) -> None:
    """Two of three workers, the scheduler and the client are killed at random moments.

    The results are those of one machine, whatever the order.
    """
    span, alone = one_machine
    seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311 - no secret
    killed: Counter[str] = Counter()
    with KilledParts(tmp_path) as parts:
        for number in range(rounds):
            wait_until(lambda: worker_count(parts.at) == WORKERS, seconds=LONG)
            parts.folder = tmp_path / str(number)
            victims = chance.sample(VICTIMS, len(VICTIMS))
            moments = sorted(chance.uniform(0, span) for _ in victims)
            plan = (seed, [*zip(moments, victims, strict=True)])
            run, start = parts.begin(), time.monotonic()
            for moment, victim in zip(moments, victims, strict=True):
                if is_over(run, start + moment - time.monotonic()):
                    break
                run = parts.kill(victim, chance, run)
                killed[victim] += 1
            ended = run.wait(timeout=LONG)
            assert ended.status == 0, (plan, ended.said)
            assert shown(parts.folder) == alone, plan
            parts.add_workers()
            with (tmp_path / "rounds.log").open("a") as log:
                log.write(f"{plan}: {time.monotonic() - start:.0f} s; killed: {dict(killed)}\n")
    assert killed


@pytest.mark.nightly
def test_killed_scheduler_is_replaced(alone: dict[str, tuple[object, ...]], tmp_path: Path) -> None:
    """Client and workers wait for the next scheduler at that address, and the run goes on."""
    number = free_port()
    journal = tmp_path / "grid" / "journal.jsonl"
    with contextlib.ExitStack() as first:
        first.enter_context(scheduler(number))
        with (
            started_worker(address(number)),
            started_wheelgrid("run", "--on", address(number), *CELLS, *kept(tmp_path)) as run,
        ):
            wait_until(lambda: journal.exists() and b'"cell"' in journal.read_bytes(), seconds=LONG)
            first.close()
            with scheduler(number):
                ended = run.wait(timeout=LONG)
    assert ended.status == 0, ended.said
    assert "the scheduler is gone; waiting for another one" in ended.said
    assert shown(tmp_path) == alone


@pytest.mark.nightly
def test_killed_client_resumes(
    port: int, alone: dict[str, tuple[object, ...]], tmp_path: Path
) -> None:
    """What the workers measured in the meantime is taken; no cell is stored twice."""
    journal = tmp_path / "grid" / "journal.jsonl"
    with started_worker(address(port)):
        with started_wheelgrid("run", "--on", address(port), *CELLS, *kept(tmp_path)) as run:
            wait_until(lambda: journal.exists() and b'"cell"' in journal.read_bytes(), seconds=LONG)
            run.kill()
        words = ("--resume", "--on", address(port), "--images", "assembled", *kept(tmp_path))
        ended = wheelgrid("run", *words, timeout=LONG)
    assert ended.status == 0, ended.said
    assert shown(tmp_path) == alone


@pytest.mark.parametrize("after", [0, 1])
def test_a_worker_whose_engine_dies_leaves(port: int, after: float, tmp_path: Path) -> None:
    """It says why, and another worker measures its cells: none is a miss."""
    journal = tmp_path / "grid" / "journal.jsonl"
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(engine_proxy(tmp_path / "p.sock"))
        lame = {"DOCKER_HOST": f"unix://{tmp_path}/p.sock"}
        worker = stack.enter_context(started_worker(address(port), lame))
        run = stack.enter_context(
            started_wheelgrid("run", "--on", address(port), *FEW, *kept(tmp_path))
        )
        wait_until(lambda: journal.exists() and b'"cell"' in journal.read_bytes(), seconds=LONG)
        time.sleep(after)  # a second later, pytest begins with the next cell
        proxy.cut()
        stack.enter_context(started_worker(address(port)))
        left = worker.wait(timeout=LONG)
        ended = run.wait(timeout=LONG)
    assert (left.status, "a worker needs a container engine" in left.err) == (3, True), left.err
    assert ended.status == 0, ended.said
    assert "2 of 2 cells as expected" in ended.said


def test_two_clients_share_the_workers(port: int, tmp_path: Path) -> None:
    """Both runs end with all their results, and the second says that it is not alone."""
    folders = [tmp_path / name for name in "ab"]
    with contextlib.ExitStack() as stack:
        stack.enter_context(started_worker(address(port)))
        wait_until(lambda: worker_count(address(port)) == 1, seconds=60)
        runs = [
            stack.enter_context(
                started_wheelgrid("run", "--on", address(port), *ONE, *kept(folder))
            )
            for folder in folders
        ]
        both = [run.wait(timeout=LONG) for run in runs]
    assert [ended.status for ended in both] == [0, 0], both
    assert any("other clients share these workers" in ended.said for ended in both)
    assert all("1 of 1 cells as expected" in ended.said for ended in both)


def test_workers_that_do_not_fit_are_refused(port: int, tmp_path: Path) -> None:
    """A worker with another matrix gets no task, nor one of plain Dask; each has a line."""
    matrix = tmp_path / "matrix"
    shutil.copytree(matrix_folder(), matrix)
    with (matrix / "subjects.yaml").open("a") as stream:
        stream.write("\n# one more line\n")
    with (
        started_worker(address(port)),
        started_worker(address(port), {"WHEELGRID_MATRIX": str(matrix)}),
    ):
        wait_until(lambda: worker_count(address(port)) == 2, seconds=60)
        ended = wheelgrid("run", *ONE, "--on", address(port), *kept(tmp_path), timeout=LONG)
    assert ended.status == 0, ended.said
    ours, theirs = own_identity(matrix_folder()), own_identity(matrix)
    assert f"it has matrix {theirs.matrix}, this run has {ours.matrix}" in ended.said


def test_own_wheels_are_sent(port: int, tmp_path: Path) -> None:
    """A worker that cannot see the user's file gets its bytes, and keeps them by their digest."""
    (tmp_path / "own").mkdir()
    wheel = make_wheel(tmp_path / "own", "tiny", "x = 1\n")
    with started_worker(address(port), {"WHEELGRID_CACHE": str(tmp_path / "cache")}):
        words = (
            "--images",
            "assembled",
            "--arch",
            CELLS[3],
            "--target",
            "debian-12",
            "--no-deps",
            "--on",
            address(port),
        )
        ended = wheelgrid("check", wheel, *words, *kept(tmp_path), timeout=LONG)
    assert ended.status == 0, ended.said
    with open_store(tmp_path / "runs.db") as store:
        (seen,) = store.observations(store.find("last"))
    assert seen.wheel is not None
    (there,) = (tmp_path / "cache" / "sent").rglob(wheel.name)
    assert seen.wheel.sha256 == file_sha256(wheel) == file_sha256(there)
    assert Path(seen.wheel.path) == wheel


def test_bad_addresses_and_a_missing_engine_have_a_clear_line(port: int, tmp_path: Path) -> None:
    """Nothing is run: no such scheduler, another protocol, no address, no engine."""
    no_engine = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    with torn_server({}) as server, started_worker(address(port)), ThreadPoolExecutor() as pool:
        wait_until(lambda: worker_count(address(port)) == 1, seconds=60)
        (worker,) = scheduler_identity(address(port))["workers"]
        asked = {
            (address(free_port()), 3, "no Dask scheduler answers there"),
            (f"tcp://127.0.0.1:{server.port}", 3, "no Dask scheduler answers there"),
            (worker, 3, "a Dask Worker answers there, no scheduler"),
            ("scheduler", 2, "write a scheduler's address, as tcp://scheduler:8786"),
            ("local:many", 2, "write local:N with the number of workers"),
        }
        lone = pool.submit(wheelgrid, "worker", address(port), env=no_engine)
        runs = {
            pool.submit(wheelgrid, "run", "--on", where, *CELLS, *kept(tmp_path)): (status, line)
            for where, status, line in asked
        }
        for run, expected in {**runs, lone: (3, "a worker needs a container engine")}.items():
            ended = run.result()
            assert (ended.status, len(ended.err.splitlines())) == (expected[0], 1), ended.said
            assert expected[1] in ended.err
