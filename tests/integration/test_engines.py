"""Declared engines: a Unix socket, TLS on loopback with another data root, and a real ``sshd``."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.core.observations import ImageRef
from harness.host.cache import Cache
from harness.host.engine import ContainerSpec
from harness.host.engine.docker import DockerEngine, connect
from harness.host.engine.ssh_tunnel import SOCKETS, close_tunnel
from harness.images.debian_root import native_arch
from harness.probe.journal import observations, read_events
from tests.support.commands import free_port, started_wheelgrid, wait_until, wheelgrid
from tests.support.dask_processes import address as scheduler_address
from tests.support.dask_processes import scheduler, started_worker
from tests.support.docker_context import write_context
from tests.support.engine_proxy import EngineProxy, engine_proxy
from tests.support.loopback_sshd import SshServer, ssh_server
from tests.support.second_engine import SecondEngine, second_engine
from tests.support.targets import debian_12
from tests.support.tls_folder import make_certificates
from tests.support.wheels import make_wheel
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration

NATIVE = native_arch()
HERE = ("--images", "assembled", "--target", "debian-12", "--arch", NATIVE.name, "-n", 1)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls") / "own")


@pytest.fixture(scope="module")
def far(certificates: Path) -> Iterator[SecondEngine]:
    """Return an engine behind TLS."""
    with second_engine(certificates=certificates) as engine:
        yield engine


@pytest.fixture(scope="module")
def far_address(far: SecondEngine, certificates: Path) -> str:
    return f"{far.tls_host}?certs={certificates}"


@pytest.fixture(scope="module")
def through_tls(far_address: str) -> Iterator[DockerEngine]:
    engine = connect(address=far_address)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def image(through_tls: DockerEngine, cache: Cache) -> ImageRef:
    return assembled_images(through_tls, cache).get(debian_12(NATIVE.name))


@pytest.fixture(scope="module")
def emulating() -> Iterator[SecondEngine]:
    """Return an engine that says it is on this machine's arch, and emulates it."""
    with second_engine(emulated=NATIVE) as engine:
        yield engine


@pytest.fixture(scope="module")
def foreign(
    emulating: SecondEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EngineProxy]:
    """Return the same engine, which says that it is on a machine of another arch."""
    path = tmp_path_factory.mktemp("foreign") / "p.sock"
    with engine_proxy(path, emulating.socket) as proxy:
        proxy.say_machine("s390x")
        yield proxy


@pytest.fixture(scope="module")
def server() -> Iterator[SshServer]:
    with ssh_server() as running:
        yield running


def path_of(server: SshServer) -> dict[str, str]:
    """Return the environment in which ``ssh`` knows the server."""
    return {"PATH": f"{server.path}:{os.environ['PATH']}"}


def serves(address: str, arch: str = NATIVE.name) -> tuple[str, str]:
    return ("--engine", f"{arch}={address}")


def kept(folder: Path) -> tuple[object, ...]:
    return ("--store", folder / "store.db", "--out", folder / "grid")


def seen_in(folder: Path) -> list[dict[str, Any]]:
    document = json.loads((folder / "grid/run.json").read_text())
    return [cell["observation"] for cell in document["cells"]]


def test_cells_of_a_killed_engine_are_probed_on_the_next(
    tmp_path: Path,
    far: SecondEngine,
    far_address: str,
    through_tls: DockerEngine,
    image: ImageRef,
    emulating: SecondEngine,
) -> None:
    """The session at hand is a lost attempt, and every cell says which engine ran it.

    An engine that emulates the arch, though it says that it is native, gets no cell. The image
    that the last engine has is not sent to it again.
    """
    sent = through_tls.find_image(image.id)
    codes = {"first": "", "slow": "import time\ntime.sleep(8)", "third": ""}
    wheels = [make_wheel(tmp_path, name, code) for name, code in codes.items()]
    journal = tmp_path / "grid/journal.jsonl"

    def is_slow() -> bool:
        events, _ = read_events(journal)
        doing = [each["doing"] for each in events if each["event"] == "activity"]
        return len(list(observations(events))) == 1 and doing[-1].startswith("probing")

    with second_engine() as killed:
        places = (emulating.host, killed.host, far_address)
        declared = [word for place in places for word in serves(place)]
        with started_wheelgrid("check", *wheels, *HERE, *declared, *kept(tmp_path)) as run:
            wait_until(is_slow, seconds=180)
            killed.kill()
            ended = run.wait(180)
        killed.start()  # a killed engine leaves what only a start removes
    assert ended.status == 0, ended.said
    out = ended.out
    first, slow, third = seen_in(tmp_path)
    assert [each["outcome"] for each in (first, slow, third)] == ["pass"] * 3
    assert first["provenance"]["engine_at"] == killed.host
    for moved in (slow, third):
        assert moved["provenance"]["engine_at"] == far.tls_host
        assert moved["provenance"]["image"]["id"] == image.id
        assert len(moved["attempts"]) == 1
    assert through_tls.find_image(image.id) == sent
    assert f"engine {killed.host}: 1 cells native, 0 emulated" in out
    assert f"engine {far.tls_host}: 2 cells native, 0 emulated" in out
    assert f"engine {killed.host}: " in out.partition("2 cells native")[2]
    assert f"engine {emulating.host}: it says that its machine is {NATIVE.name}, but " in ended.said


def test_the_cells_of_engines_that_cannot_be_used_are_emulated(
    tmp_path: Path, foreign: EngineProxy, far: SecondEngine, server: SshServer
) -> None:
    """Each engine has a line; the one of a foreign machine runs the cell, and it says so."""
    wheel = make_wheel(tmp_path, "first", "")
    nobody = f"tcp://127.0.0.1:{free_port()}"
    others = make_certificates(tmp_path / "others")
    server.forget_host()
    with second_engine(disk="16M") as small:
        reasons = {
            nobody: "it does not answer",
            small.host: "the container engine's disk is full",
            f"{far.tls_host}?certs={others}": "TLS does not verify: ",
            server.address: "its host key is unknown. Compare it with the machine's",
            foreign.host: f"declared for {NATIVE.name}, but its machine is s390x: it emulates",
        }
        declared = [word for at in reasons for word in serves(at)]
        no_engine = {**path_of(server), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
        words = ("check", wheel, *HERE, *declared, *kept(tmp_path))
        ended = wheelgrid(*words, env=no_engine, timeout=180)
    server.know_host()
    assert ended.status == 0, ended.said
    (seen,) = seen_in(tmp_path)
    assert (seen["outcome"], seen["provenance"]["engine_at"]) == ("pass", foreign.host)
    assert seen["provenance"]["qemu"]
    assert f"engine {foreign.host}: 0 cells native, 1 emulated" in ended.out
    for at, why in reasons.items():
        assert f"engine {at.partition('?')[0]}: {why}" in ended.said


def test_a_dask_worker_has_engines_of_its_own(
    tmp_path: Path, far: SecondEngine, far_address: str, image: ImageRef
) -> None:
    """It serves the archs of its engines on a machine that has none; the client's are not used."""
    assert image.id
    port = free_port()
    gone = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    wheel = make_wheel(tmp_path, "first", "")
    on = ("--on", scheduler_address(port), *serves("unix:///nowhere"))
    with (
        scheduler(port),
        started_worker(scheduler_address(port), gone, *serves(far_address)) as worker,
        started_wheelgrid("check", wheel, *HERE, *on, *kept(tmp_path), env=gone) as run,
    ):
        ended = run.wait(180)
        worker.kill()
        worked = worker.wait(20)
    assert ended.status == 0, (ended.said, worked.said)
    (seen,) = seen_in(tmp_path)
    assert (seen["outcome"], seen["provenance"]["engine_at"]) == ("pass", far.tls_host)
    assert "--engine names no engine of its workers" in ended.said
    assert f"1 workers for {NATIVE.name}\n" in worked.said


def test_image_commands_use_the_engines(
    far: SecondEngine, far_address: str, through_tls: DockerEngine, image: ImageRef
) -> None:
    """Images are built there and listed beside this machine's."""
    made = through_tls.find_image(image.id)
    assert made
    (name,) = made.names
    engines = serves(far_address)
    built = wheelgrid("image", "build", *HERE[:6], *engines)
    assert (built.status, built.out.count("\n")) == (0, 1), built.said
    listed = wheelgrid("image", "list", *engines)
    assert f"  {name} on {far.tls_host}  " in listed.out
    assert f"  {name}  " in listed.out
    through_tls.remove_image(name)
    again = wheelgrid("image", "build", *HERE[:6], *engines)
    assert again.status == 0, again.said
    assert through_tls.find_image(image.id)


def test_a_run_logs_in_through_ssh_once(tmp_path: Path, server: SshServer) -> None:
    """Every process of the run uses the one connection; the table of the configuration names it."""
    wheel = make_wheel(tmp_path, "first", "")
    config = tmp_path / "wheelgrid.toml"
    config.write_text(f'[engines]\n{NATIVE.name} = "{server.address}"\n')
    before = server.logins()
    words = ("check", wheel, *HERE[:6], *kept(tmp_path), "--config", config)
    ended = wheelgrid(*words, env=path_of(server), timeout=180)
    assert ended.status == 0, ended.said
    assert server.logins() == before + 1
    (seen,) = seen_in(tmp_path)
    assert seen["provenance"]["engine_at"] == server.address
    assert seen["provenance"]["qemu"] == ""
    assert "s elapsed on 1 worker;" in ended.out.replace("\n", ";")  # there is one target
    assert not processes_with(f"127.0.0.1:{server.port}") + processes_with(f"-p\0{server.port}")


def test_docker_host_may_be_behind_ssh(
    server: SshServer, engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command reaches such an engine: what removes images and containers, too."""
    monkeypatch.setenv("PATH", path_of(server)["PATH"])
    monkeypatch.setenv("DOCKER_HOST", server.address)
    monkeypatch.setenv(SOCKETS, "{}")
    with closing(connect()) as behind:
        assert behind.info().kernel == engine.info().kernel
        assert behind.reap() == 0
    close_tunnel(server.address)


def test_a_killed_run_leaves_no_connection(tmp_path: Path, server: SshServer) -> None:
    wheel = make_wheel(tmp_path, "slow", "import time\ntime.sleep(30)")
    words = ("check", wheel, *HERE, *kept(tmp_path), *serves(server.address))
    with started_wheelgrid(*words, env=path_of(server)) as run:
        wait_until(lambda: processes_with(f"-p\0{server.port}"), seconds=60)
        os.kill(run.process.pid, signal.SIGKILL)
        wait_until(lambda: not processes_with(f"-p\0{server.port}"), seconds=20)


def processes_with(words: str) -> list[str]:
    """Return the command lines of processes that contain ``words``."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_text(errors="replace")
        except OSError:
            continue
        found += [line] if words in line else []
    return found


def test_doctor_shows_each_engine(
    tmp_path: Path,
    far_address: str,
    far: SecondEngine,
    server: SshServer,
    certificates: Path,
    emulating: SecondEngine,
) -> None:
    """What runs there, its room and latency, or why it cannot be used, with the next step."""
    foreign = make_certificates(tmp_path / "foreign")
    endpoint = {"Host": far.tls_host, "SkipTLSVerify": False}
    tls = write_context(tmp_path, "lab", endpoint, "ca.pem", "cert.pem", "key.pem")
    for file in tls.iterdir():
        file.write_bytes((certificates / file.name).read_bytes())
    server.forget_host()
    ended = wheelgrid(
        *("doctor", "--engines", "--json"),
        *serves(far_address),
        *serves(far.host, "aarch64"),
        *serves(f"{far.tls_host}?certs={foreign}"),
        *serves(far.tls_host, "s390x"),
        *serves(server.address, "ppc64le"),
        *serves("lab"),
        *serves("bal", "riscv64"),
        *serves(emulating.host),
        *serves(emulating.host, "aarch64"),
        env={**path_of(server), "DOCKER_CONFIG": str(tmp_path)},
    )
    server.know_host()
    assert ended.status == 0, ended.said
    checks = [c for c in json.loads(ended.out)["checks"] if c["part"] == "declared-engine"]
    whole, partly, unverified, plain, unknown, context, no_context, wrong, here = checks
    assert whole["ok"]
    assert context["ok"]
    for part in (f"({NATIVE.name}, kernel ", f"native: {NATIVE.name}", "QEMU", "GiB free", " ms"):
        assert part in whole["detail"]
    assert (partly["ok"], partly["remedy"]) == (
        False,
        "declared for aarch64, which it emulates",
    )
    assert "TLS does not verify: " in unverified["detail"]
    assert plain["detail"] == "it speaks TLS alone"
    assert "?certs=DIR" in plain["remedy"]
    assert unknown["detail"].startswith("its host key is unknown. Compare it with the machine's")
    assert no_context["detail"] == "no Docker context has this name"
    assert no_context["remedy"] == "known: lab"
    assert wrong["remedy"].startswith("declared for aarch64, which does not run there")
    assert f"emulated: {NATIVE.name} " in wrong["detail"]
    assert (here["name"], here["ok"]) == ("this machine's engine", True)


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_input_ends_before_output_through_tls(
    through_tls: DockerEngine, image: ImageRef, size: int
) -> None:
    """TLS has no half of a connection to shut down; the container's input ends all the same."""
    spec = ContainerSpec(image=image.id, arch=NATIVE, command=("sh", "-c", "cat; echo end"))
    for _ in range(3):
        done = through_tls.run(spec, stdin=b"x" * size, timeout=60)
        assert (done.status, done.output) == (0, b"x" * size + b"end\n")
