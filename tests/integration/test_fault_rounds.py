"""Faults that begin at a random moment: two rounds of each, fifty in the nightly.

Each round probes four cells while the fault strikes, and again when it is over. During it a cell
has its own outcome or is a miss; afterwards every cell has its own.
"""

import contextlib
import json
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

import pytest

from harness.core.observations import ImageRef
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine, connect
from harness.host.engine.request_limits import Ask, within
from harness.images.debian_root import native_arch
from harness.probe.journal import Journal, observations, read_events
from harness.probe.prober import Prober
from tests.support.commands import Started, started_wheelgrid, wheelgrid
from tests.support.engine_proxy import engine_proxy
from tests.support.fault_rounds import ALL_ROUNDS, CODES, OUTCOMES, ROUNDS, FaultRound, recorded
from tests.support.local_prober import LocalImages, local_cell, local_prober
from tests.support.owned_containers import containers_of, own_containers
from tests.support.second_engine import second_engine
from tests.support.short_limits import PATIENT, short_limits
from tests.support.targets import debian_12
from tests.support.wheels import make_wheel
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration

NATIVE = native_arch()
HERE = ("--images", "assembled", "--target", "debian-12", "--arch", NATIVE.name)
Strike = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class World:
    """What a fault strikes at, and what ends it."""

    engine: DockerEngine
    image: ImageRef
    strike: Strike
    heal: Strike


@pytest.fixture(scope="module")
def image(engine: DockerEngine, cache: Cache) -> ImageRef:
    return assembled_images(engine, cache).get(debian_12(NATIVE.name))


@contextlib.contextmanager
def behind_a_proxy(image: ImageRef, folder: Path, how: str) -> Iterator[World]:
    """Put a proxy that stalls or cuts before the machine's engine."""
    with engine_proxy(folder / "p.sock") as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", proxy.host)
        engine = connect()
        strike, heal = (proxy.stall, proxy.resume) if how == "stall" else (proxy.cut, proxy.restore)
        yield World(engine=engine, image=image, strike=strike, heal=heal)
        proxy.resume()
        engine.close()


@contextlib.contextmanager
def with_killed_containers(image: ImageRef) -> Iterator[World]:
    """Kill the containers of this process on the machine's engine."""
    engine, other = connect(), connect()

    def strike() -> None:
        for container in own_containers(other._api):
            with contextlib.suppress(Exception):  # it may be gone, or not be started
                other._api.kill(container)

    yield World(engine=engine, image=image, strike=strike, heal=lambda: None)
    for client in (engine, other):
        client.close()


@pytest.fixture(scope="module")
def second(engine: DockerEngine, image: ImageRef) -> Iterator[Callable[[str], World]]:
    """Return what makes a world of a second engine that has the image."""
    with second_engine() as here:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", here.host)
            client = connect()
        with within(Ask.LOAD):
            data = b"".join(engine._api.get_image(image.id))
            list(client._api.load_image(data))
            client._api.tag(image.id, "wheelgrid/copied", "1")

        def world(how: str) -> World:
            def strike() -> None:
                getattr(here, how)()
                here.start()

            return World(engine=client, image=image, strike=strike, heal=lambda: None)

        yield world
        client.close()


@contextlib.contextmanager
def probing(world: World, folder: Path) -> Iterator[Prober]:
    images = LocalImages()
    images.image = world.image
    with local_prober(
        dict(CODES),
        Journal(folder / "journal.jsonl"),
        engine=world.engine,
        images=images,
        emulator="",
        limits=PATIENT,
    ) as prober:
        yield prober


def probe_all(prober: Prober, seen: FaultRound, *, after: bool) -> float:
    """Probe every cell, judge what is seen, and return the seconds that it took."""
    start = time.monotonic()
    for name in CODES:
        seen.take(name, str(prober.observe(local_cell(name)).outcome), after=after)
    return time.monotonic() - start


@once
def seconds_of_cells(image: ImageRef, folder: Path) -> float:
    """Return how long the cells take without a fault."""
    world = World(engine=connect(), image=image, strike=list, heal=list)
    with probing(world, folder) as prober:
        seconds = probe_all(prober, FaultRound(fault="none", seconds=0), after=True)
    world.engine.close()
    return seconds


def moment(number: int, seconds: float) -> float:
    """Return a random moment in one of ``ROUNDS`` equal parts of so many seconds."""
    return seconds * (number + random.random()) / ROUNDS  # noqa: S311 - no secret


SESSION_FAULTS = ("stall", "cut", "killed container", "restart")


@pytest.mark.parametrize("fault", SESSION_FAULTS)
@ALL_ROUNDS
def test_a_session_survives(
    request: pytest.FixtureRequest,
    image: ImageRef,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    fault: str,
    number: int,
) -> None:
    """No verdict changes, and later cells have theirs."""
    with contextlib.ExitStack() as held:
        if fault == "restart":
            fault = "stopped engine" if number % 2 else "killed engine"
            world = request.getfixturevalue("second")("stop" if number % 2 else "kill")
        elif fault == "killed container":
            world = held.enter_context(with_killed_containers(image))
        else:
            world = held.enter_context(behind_a_proxy(image, tmp_path, fault))
        seen = held.enter_context(recorded(request, fault))
        seen.seconds = moment(number, seconds_of_cells(image, tmp_path_factory.getbasetemp()))
        with probing(world, tmp_path) as prober:
            with short_limits():
                timer = threading.Timer(seen.seconds, world.strike)
                timer.start()
                probe_all(prober, seen, after=False)
                timer.join()
            world.heal()
            # A fault that began after the last cell struck at the open session.
            seen.take("last", str(prober.observe(local_cell("last")).outcome), after=False)
            probe_all(prober, seen, after=True)
        world.engine.reap()
        seen.left = own_containers(world.engine._api)


# --- whole runs -----------------------------------------------------------------------

_PATIENCE = 600
"""Seconds for a run: a busy machine is no fault."""


@once
def seconds_of_a_run(folder: Path) -> float:
    """Return how long a run takes that nothing ends."""
    ended = wheelgrid(*words_of_a_run(folder), timeout=_PATIENCE)
    assert ended.status == 1, ended.said
    return ended.seconds


def words_of_a_run(folder: Path) -> tuple[object, ...]:
    wheels = [make_wheel(folder, name, code) for name, code in CODES.items()]
    return ("check", *wheels, *HERE, *outputs(folder))


def outputs(folder: Path) -> tuple[object, ...]:
    return ("-n", "1", "--out", folder / "out", "--store", folder / "store.db")


def kill_a_worker(started: Started) -> None:
    """Kill the process of pytest-xdist that probes."""
    for pid in started.pids():
        with contextlib.suppress(OSError):
            if b"exec(eval(" in Path(f"/proc/{pid}/cmdline").read_bytes():
                started.kill_one(pid)


ENDS: dict[str, Callable[[Started], None]] = {
    "interrupted run": Started.interrupt,
    "killed run": Started.kill,
    "killed worker": kill_a_worker,
}


@ALL_ROUNDS
def test_a_run_survives(
    request: pytest.FixtureRequest,
    engine: DockerEngine,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    number: int,
) -> None:
    """What was measured when it ended is kept, and ``run --resume`` measures the rest."""
    fault = sorted(ENDS)[number % len(ENDS)]
    whole = seconds_of_a_run(tmp_path_factory.getbasetemp())
    with recorded(request, fault) as seen:
        seen.seconds = moment(number, whole)
        with started_wheelgrid(*words_of_a_run(tmp_path)) as started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.process.wait(seen.seconds)
            pids = started.pids()
            ENDS[fault](started)
            pids |= started.pids()
            said = started.wait(_PATIENCE)
        assert "Traceback" not in said.out + said.err, said
        before = outcomes_of(tmp_path / "out")
        for name, outcome in before.items():
            seen.take(name, outcome, after=False)
        resumed(tmp_path, seen, {name for name, outcome in before.items() if outcome != "miss"})
        deadline = time.monotonic() + 30
        while (left := containers_of(engine._api, pids)) and time.monotonic() < deadline:
            time.sleep(0.2)
        seen.left = left


def outcomes_of(out: Path) -> dict[str, str]:
    """Return what the journal has of each cell."""
    events, _ = read_events(out / "journal.jsonl")
    return {name_of(seen.cell): str(seen.outcome) for seen in observations(events)}


def name_of(cell: str) -> str:
    return cell.rpartition("/")[2].removesuffix("-1.0")


def resumed(folder: Path, seen: FaultRound, kept: set[str]) -> None:
    """Resume the run, or start it again if it ended before it was stored."""
    ended = wheelgrid("run", "--resume", *HERE[:2], *outputs(folder), timeout=_PATIENCE)
    if ended.status == 2 and not kept:
        ended = wheelgrid(*words_of_a_run(folder), timeout=_PATIENCE)
    if ended.status != 1:
        seen.lost.append(ended.said)
        return
    run = json.loads((folder / "out" / "run.json").read_bytes())
    for cell in run["cells"]:
        outcome = cell["observation"]["outcome"] if cell["observation"] else "miss"
        seen.take(name_of(cell["subject"]), outcome, after=True)
    again = kept & outcomes_of(folder / "out").keys()
    seen.lost += [f"{name}: measured again" for name in sorted(again)]
    assert {name_of(cell["subject"]) for cell in run["cells"]} == set(OUTCOMES)
