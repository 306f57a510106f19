"""Faults of the container engine: each is a miss of the cells at hand, and never a verdict.

A proxy before the engine stalls, cuts and lies; a second engine is stopped, killed and filled up.
"""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.core.errors import EngineError, ImageError, UsageError
from harness.core.observations import ImageRef
from harness.host.cache import Cache
from harness.host.engine import request_limits
from harness.host.engine.docker import DockerEngine, connect
from harness.host.engine.owner import OWNER_LABEL
from harness.host.engine.request_limits import Ask, RequestLimit, within
from harness.images.debian_root import native_arch
from harness.probe.journal import Journal
from harness.probe.prober import Prober
from tests.support.engine_proxy import Deed, EngineProxy, engine_proxy
from tests.support.local_prober import LocalImages, local_cell, local_prober
from tests.support.prepared import prepare
from tests.support.second_engine import AS_ROOT, SecondEngine, second_engine
from tests.support.short_limits import PATIENT, short_limits
from tests.support.targets import debian_12
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration

NATIVE = native_arch()


@pytest.fixture
def image(engine: DockerEngine, cache: Cache) -> ImageRef:
    return assembled_images(engine, cache).get(debian_12(NATIVE.name))


@pytest.fixture
def short() -> Iterator[None]:
    with short_limits(3):
        yield


@pytest.fixture
def proxied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: DockerEngine
) -> Iterator[tuple[EngineProxy, DockerEngine]]:
    """Return the proxy and the engine behind it."""
    del engine  # the test needs one
    with engine_proxy(tmp_path / "p.sock") as proxy, monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", proxy.host)
        through = connect()
        yield proxy, through
        proxy.resume()
        through.close()


Proxied = tuple[EngineProxy, DockerEngine]


@contextmanager
def probing(engine: DockerEngine, image: ImageRef, folder: Path, **codes: str) -> Iterator[Prober]:
    """Return a prober of native cells in an image."""
    images = LocalImages()
    images.image = image
    with local_prober(
        {"first": "", "second": "", "third": "", **codes},
        Journal(folder / "journal.jsonl"),
        engine=engine,
        images=images,
        emulator="",
        limits=PATIENT,
    ) as prober:
        yield prober


def seen(prober: Prober, name: str) -> tuple[str, str]:
    """Return outcome and cause of a cell."""
    observation = prober.observe(local_cell(name))
    return observation.outcome, observation.cause or ""


REQUESTS = [b"/containers/create", b"/attach", b"/start"]
HARMLESS = [(b"/attach", Deed.DRIP_BODY), (b"/start", Deed.HALF), (b"/start", Deed.DRIP_BODY)]
"""The engine does what is asked, and what is kept back of its answer says nothing more."""


@pytest.mark.parametrize("deed", list(Deed), ids=lambda deed: str(deed.name.lower()))
@pytest.mark.parametrize(
    "request_line",
    [
        REQUESTS[0],
        *(pytest.param(each, marks=pytest.mark.nightly) for each in REQUESTS[1:]),
    ],
    ids=[line.decode().strip("/") for line in REQUESTS],
)
def test_a_request_that_fails_is_a_miss(
    proxied: Proxied, image: ImageRef, tmp_path: Path, request_line: bytes, deed: Deed
) -> None:
    """The cell at hand is a miss, those before and after it pass."""
    proxy, engine = proxied
    harmless = (request_line, deed) in HARMLESS
    with probing(engine, image, tmp_path) as prober:
        assert seen(prober, "first") == ("pass", "")
        prober.leave()
        proxy.on(request_line, deed)
        with short_limits():
            right = ("pass", "") if harmless else ("miss", "infra:engine")
            assert seen(prober, "second") == right
        assert proxy.hits
        proxy.resume()
        assert seen(prober, "third") == ("pass", "")


@pytest.mark.parametrize("deed", [Deed.DRIP, Deed.DRIP_BODY])
def test_an_answer_that_drips_ends_at_the_total(
    proxied: Proxied, image: ImageRef, monkeypatch: pytest.MonkeyPatch, deed: Deed
) -> None:
    """Each byte comes in time; a short answer and a stream end like a silent engine."""
    proxy, engine = proxied
    limit = RequestLimit(silence=2, total=2)
    for ask in (Ask.QUERY, Ask.PULL):
        monkeypatch.setitem(request_limits.REQUEST_LIMITS, ask, limit)
    asked: list[tuple[bytes, Callable[[], object]]] = [
        (b"/json", lambda: engine.find_image(image.id)),
        (b"/images/create", lambda: engine.pull_image("127.0.0.1:9/debian:12", NATIVE)),
    ]
    for line, request in asked:
        proxy.on(line, deed)
        start = time.monotonic()
        with pytest.raises(
            EngineError, match=r"does not answer in time: 2 s|the pull sent nothing"
        ):
            request()
        assert time.monotonic() - start < 10
        proxy.resume()


@pytest.mark.usefixtures("short")
def test_cells_behind_a_stalled_engine_fail_fast(
    proxied: Proxied, image: ImageRef, tmp_path: Path
) -> None:
    """After the first cell each takes a ping, and not the time of a whole request."""
    proxy, engine = proxied
    with probing(engine, image, tmp_path) as prober:
        proxy.stall()
        assert seen(prober, "first") == ("miss", "infra:engine")
        start = time.monotonic()
        assert seen(prober, "second") == ("miss", "infra:engine")
        assert time.monotonic() - start < 3 + 2
        proxy.resume()


# --- a second engine ------------------------------------------------------------------


def connect_to(here: SecondEngine, runtime: str = "") -> DockerEngine:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", here.host)
        return connect(runtime)


_saved: dict[str, bytes] = {}


def copied(engine: DockerEngine, sink: DockerEngine, image: ImageRef) -> None:
    """Copy an image of one engine to another."""
    with within(Ask.LOAD):
        if image.id not in _saved:
            _saved[image.id] = b"".join(engine._api.get_image(image.id))
        data = _saved[image.id]
        assert not [event for event in sink._api.load_image(data) if "error" in event]
        sink._api.tag(image.id, "wheelgrid/copied", "1")  # without, it goes with its last child


@pytest.fixture
def second(engine: DockerEngine, image: ImageRef) -> Iterator[tuple[SecondEngine, DockerEngine]]:
    """Return a second engine that has the image."""
    with second_engine() as here:
        client = connect_to(here)
        copied(engine, client, image)
        yield here, client
        client.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_in_the_middle_is_a_miss(
    second: tuple[SecondEngine, DockerEngine], image: ImageRef, tmp_path: Path, end: str
) -> None:
    """The cell at hand is a miss, and the next one passes on the restarted engine."""
    here, engine = second
    # An engine that is stopped gives its containers 10 s.
    code = "import time\nprint('probing', flush=True)\ntime.sleep(30)"
    with probing(engine, image, tmp_path, second=code) as prober:
        assert seen(prober, "first") == ("pass", "")

        def restart() -> None:
            getattr(here, end)()
            here.start()

        timer = threading.Timer(0.5, restart)
        timer.start()
        with short_limits():
            at_hand = seen(prober, "second")
        timer.join()
        assert at_hand == ("miss", "infra:engine")
        assert seen(prober, "third") == ("pass", "")
        prober.leave()
        left = [(c["State"], c["Status"]) for c in engine._api.containers(all=True)]
        assert left == []


def test_a_full_data_root_is_no_verdict(engine: DockerEngine, image: ImageRef) -> None:
    """The message names the disk; when it has room again, the same request succeeds."""
    with second_engine(disk="40m") as here:
        client = connect_to(here)
        archive = here.data_root.parent / "image.tar"
        with archive.open("wb") as stream:
            for piece in engine._api.get_image(engine_name(engine, image)):
                stream.write(piece)
        with pytest.raises(EngineError, match="the container engine's disk is full") as caught:
            client.load_image(archive, engine_name(engine, image))
        assert not isinstance(caught.value, ImageError), "an image error is remembered"
        assert caught.value.cause == "infra:engine"
        more = ["mount", "-o", "remount,size=600m", here.data_root]
        subprocess.run([*AS_ROOT, *map(str, more)], check=True)
        assert client.load_image(archive, engine_name(engine, image)).id == image.id
        client.close()


def engine_name(engine: DockerEngine, image: ImageRef) -> str:
    """Return a name of the image."""
    found = engine.find_image(image.id)
    assert found
    return found.names[0]


# --- pulls ----------------------------------------------------------------------------


@contextmanager
def silent_registry() -> Iterator[str]:
    """Listen on loopback, accept every connection, and answer none."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_pull_that_hangs_is_a_failed_pull(
    engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry accepts the connection and says nothing; the engine answers."""
    limit = RequestLimit(silence=1, total=5)
    monkeypatch.setitem(request_limits.REQUEST_LIMITS, Ask.PULL, limit)
    with silent_registry() as host, pytest.raises(ImageError, match="the pull sent nothing") as e:
        engine.pull_image(f"{host}/debian:12", NATIVE)
    assert e.value.cause == "infra:pull"


@pytest.mark.usefixtures("short")
def test_an_engine_that_hangs_during_a_pull_is_no_failed_pull(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry is not to be skipped for the engine's fault."""
    proxy, engine = proxied
    limit = RequestLimit(silence=1, total=5)
    monkeypatch.setitem(request_limits.REQUEST_LIMITS, Ask.PULL, limit)
    proxy.stall()
    with pytest.raises(EngineError) as caught:
        engine.pull_image("127.0.0.1:9/debian:12", NATIVE)
    assert caught.value.cause == "infra:engine"


# --- engines that are set up in another way ---------------------------------------------


def test_prepare_without_a_bridge_uses_the_engines_network(
    second: tuple[SecondEngine, DockerEngine], image: ImageRef
) -> None:
    """``dockerd --bridge none`` has no bridge."""
    _, engine = second
    assert "done" in prepare(engine, image, "echo done")


def test_an_engine_that_remaps_users_prepares_and_probes(
    engine: DockerEngine, image: ImageRef, tmp_path: Path
) -> None:
    """``dockerd --userns-remap`` refuses its own network to a remapped container."""
    with second_engine("--userns-remap=nobody:nogroup", remap=True) as here:
        client = connect_to(here)
        copied(engine, client, image)
        assert "done" in prepare(client, image, "echo done")
        with probing(client, image, tmp_path) as prober:
            assert seen(prober, "first") == ("pass", "")
        client.close()


def test_another_runtime_gives_the_same_results(
    engine: DockerEngine, image: ImageRef, tmp_path: Path
) -> None:
    """Cells pass in ``crun``, and their provenance names it."""
    crun = shutil.which("crun")
    assert crun, "no crun on this machine: apt-get install crun"
    with second_engine(f"--add-runtime=crun={crun}") as here:
        client = connect_to(here, "crun")
        copied(engine, client, image)
        assert "done" in prepare(client, image, "echo done")
        with probing(client, image, tmp_path, second="import os\nos.abort()") as prober:
            passed = prober.observe(local_cell("first"))
            assert passed.outcome == "pass", passed.evidence
            assert passed.provenance.runtime == "crun"
            assert seen(prober, "second") == ("crashed", "signal")
        client.close()


def test_an_unknown_runtime_is_named(engine: DockerEngine) -> None:
    """The message lists what the engine has."""
    del engine
    with pytest.raises(UsageError, match=r"--runtime runsc: .* it has .*runc"):
        connect("runsc")


# --- containers of others -------------------------------------------------------------

_LABEL = "from harness.host.engine.owner import own_label; print(*own_label().values())"


def label_by(*prefix: str) -> str:
    """Return the label of a process that ended, started by the words of ``prefix``."""
    words = [*prefix, sys.executable, "-c", _LABEL]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_containers_of_others_are_not_reaped(engine: DockerEngine, image: ImageRef) -> None:
    """Their processes ended too, but another namespace, host or user knows better."""
    machine, user, boot, namespace, process = label_by().split(" ")
    others = [
        label_by(*AS_ROOT, "unshare", "--pid", "--fork", "--mount-proc"),
        f"{machine} {int(user) + 1} {boot} {namespace} {process}",
        f"another-host {user} {boot} {namespace} {process}",
    ]
    own = f"{machine} {user} {boot} {namespace} {process}"
    made = [
        engine._api.create_container(image.id, ["none"], labels={OWNER_LABEL: label})["Id"]
        for label in (*others, own)
    ]
    try:
        assert engine.reap() >= 1
        left = {c["Id"] for c in engine._api.containers(all=True)}
        assert [container in left for container in made] == [True] * 3 + [False]
    finally:
        for container in made:
            engine._remove(container)
