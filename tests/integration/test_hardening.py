"""Each part of the hardening is in effect, and is missed when it alone is switched off."""

import contextlib
import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from harness.core.observations import ImageRef
from harness.host.cache import Cache
from harness.host.engine import (
    HARDENING,
    Channel,
    ContainerLimits,
    ContainerSpec,
    Engine,
    Hardening,
)
from harness.host.engine.docker import DockerEngine
from harness.host.engine.hardening import CONTAINER_LIMITS, seccomp_profile
from harness.host.process import run_process
from harness.probe.repro import docker_line
from harness.probe.session import SessionLostError, open_session
from tests.support.cells import make_subject
from tests.support.commands import wait_until
from tests.support.containers import run_in
from tests.support.targets import debian_12
from tests.support.wheels import job_for, make_wheel
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def image(engine: DockerEngine, cache: Cache) -> ImageRef:
    provider = assembled_images(engine, cache)
    return provider.get(debian_12())


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_everything_is_in_effect(engine: DockerEngine, cache: Cache, arch: str) -> None:
    """A session finds all that was asked for, natively and under emulation, and is sealed."""
    provider = assembled_images(engine, cache)
    target = debian_12(arch)
    with open_session(engine, provider.get(target).id, target) as session:
        session.start(warm=False)
        assert session.unenforced == ()


class WeakerEngine:
    """The real engine, with other hardening or limits than it is asked for."""

    def __init__(self, engine: DockerEngine, **given: Hardening | ContainerLimits) -> None:
        self._engine = engine
        self._given = given

    def open(self, spec: ContainerSpec) -> Channel:
        return self._engine.open(replace(spec, **self._given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("user", "0:65534"),
        ("group", "65534:0"),
        ("no_network", False),
        ("read_only", False),
        ("no_ipc", False),
        ("no_capabilities", False),
        ("no_new_privileges", False),
        ("no_core", False),
        ("seccomp", False),
        ("memory", 0),
        ("memory", 2 * CONTAINER_LIMITS.memory),
        ("pids", -1),
        ("pids", CONTAINER_LIMITS.pids // 2),
        ("cpus", 0),
        ("cpus", 0.9 * CONTAINER_LIMITS.cpus),
        ("tmpfs", 0),
        ("tmpfs", CONTAINER_LIMITS.tmpfs // 2),
    ],
)
def test_part_that_is_off_is_missed(
    engine: DockerEngine, image: ImageRef, part: str, value: str | float
) -> None:
    """Exactly that one; a limit of another value is missed too."""
    if hasattr(CONTAINER_LIMITS, part):
        weaker = WeakerEngine(engine, limits=replace(CONTAINER_LIMITS, **{part: value}))  # type: ignore[arg-type]
    else:
        field = "user" if part == "group" else part
        weaker = WeakerEngine(engine, hardening=replace(HARDENING, **{field: value}))  # type: ignore[arg-type]
    with open_session(cast("Engine", weaker), image.id, debian_12(), CONTAINER_LIMITS) as session:
        session.start(warm=False)
        assert session.unenforced == (part,)


_STARVE = """
import os
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    if pid != os.getpid():
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
for _ in range(60):
    if os.fork() == 0: break
while True: pass
"""


def test_container_with_a_starved_agent_is_removed(
    engine: DockerEngine, image: ImageRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the engine lets a cell lower the agent's priority, the host's watchdog ends it."""
    monkeypatch.setattr("harness.probe.session.WATCHDOG_SECONDS", 1)
    weaker = WeakerEngine(engine, hardening=replace(HARDENING, seccomp=None))
    starve = make_wheel(tmp_path, "starve", _STARVE)
    with open_session(cast("Engine", weaker), image.id, debian_12(), CONTAINER_LIMITS) as session:
        session.start()
        container = session._channel.container  # type: ignore[attr-defined]
        with contextlib.suppress(SessionLostError):
            session.probe(job_for(starve, timeout=2))
        assert not session.usable
    listed = ["docker", "ps", "-aq", "--no-trunc"]
    wait_until(lambda: container not in run_process(listed, timeout=60).decode(), seconds=30)


def test_engine_that_refuses_a_profile_uses_its_own(
    engine: DockerEngine, image: ImageRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session goes on, and the missing part is named."""
    monkeypatch.setattr("harness.host.engine.hardening.seccomp_profile", lambda: "{")
    with open_session(engine, image.id, debian_12()) as session:
        session.start(warm=False)
        assert session.unenforced == ("seccomp",)


DENIED = """
import ctypes, socket
libc = ctypes.CDLL(None, use_errno=True)
def errno_of(number, *args):
    ctypes.set_errno(0)
    libc.syscall(number, *args)
    return ctypes.get_errno()
found = {"ptrace": errno_of(101, 0), "unshare": errno_of(272, 1 << 28), "keyctl": errno_of(250, 0),
         "perf": errno_of(298, None, 0, -1, -1, 0), "io_uring": errno_of(425, 1, None)}
for family in (38, 40):
    try: socket.socket(family, socket.SOCK_STREAM)
    except OSError as error: found[str(family)] = error.errno
socket.socket(socket.AF_INET, socket.SOCK_STREAM)
import os, resource
for name, deed in {
    "queue": lambda: errno_of(240, b"q", 0o102, 0o600, None),
    "limits": lambda: resource.prlimit(1, resource.RLIMIT_STACK, (0, 0)),
    "affinity": lambda: os.sched_setaffinity(1, {0}),
    "policy": lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
    "nice": lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
    "io": lambda: errno_of(251, 1, 1, 3 << 13),
    "user": lambda: os.setpriority(os.PRIO_USER, 0, 19),
}.items():
    try: found[name] = deed()
    except OSError as error: found[name] = error.errno
os.nice(1); os.sched_setaffinity(0, os.sched_getaffinity(0))
resource.prlimit(0, resource.RLIMIT_CORE, (0, 0))
print(sorted(name for name, number in found.items() if number != 1), len(found))
"""


def test_denied_system_calls_fail(engine: DockerEngine, image: ImageRef) -> None:
    """Each with EPERM, which nothing else in the container answers them with."""
    assert run_in(engine, image, "x86_64", "python3", "-c", DENIED) == "[] 14\n"


def test_loopback_has_its_name(engine: DockerEngine, image: ImageRef) -> None:
    """Without a network ``localhost`` resolves, as test suites expect."""
    asked = "import socket; print(socket.gethostbyname('localhost'))"
    assert run_in(engine, image, "x86_64", "python3", "-c", asked) == "127.0.0.1\n"


def test_reproduced_container_is_as_hardened_as_a_probe(
    engine: DockerEngine, image: ImageRef, tmp_path: Path
) -> None:
    """The engine says the same of both, apart from the mounted wheels and who removes it."""
    target, profile = debian_12(), tmp_path / "seccomp.json"
    profile.write_text(seccomp_profile())
    subject = make_subject("x")
    line = docker_line(target, image, subject, (), str(profile))
    create = line.replace("docker run --rm", "docker create", 1)
    made = run_process(shlex.split(create), timeout=60).decode().strip()
    try:
        with open_session(engine, image.id, target) as session:
            probe = session._channel.container  # type: ignore[attr-defined]
            ours, theirs = (_host_config(each) for each in (probe, made))
    finally:
        run_process(["docker", "rm", "-f", made], timeout=60)
    assert ours == theirs


def _host_config(container: str) -> dict[str, Any]:
    (inspected,) = json.loads(run_process(["docker", "inspect", container], timeout=60))
    config = inspected["HostConfig"]
    for own in ("AutoRemove", "RestartPolicy", "ConsoleSize", "LogConfig"):
        config.pop(own, None)
    config["SecurityOpt"] = sorted(
        option if not option.startswith("seccomp=") else json.dumps(json.loads(option[8:]))
        for option in config["SecurityOpt"]
    )
    config["User"] = inspected["Config"]["User"]
    return {name: value for name, value in config.items() if value}


def test_limits_are_those_that_were_asked_for(engine: DockerEngine, image: ImageRef) -> None:
    """Other limits than the default are in effect too."""
    limits = ContainerLimits(memory=256 << 20, pids=32, cpus=0.55, tmpfs=64 << 20, shm=8 << 20)
    with open_session(engine, image.id, debian_12(), limits) as session:
        session.start(warm=False)
        assert session.unenforced == ()
