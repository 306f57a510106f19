"""Sessions in real hardened containers, native and emulated.

tests/unit/probe tests outcomes; this module tests what untrusted wheels can do to the machine.
"""

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from harness.app.wiring import read_matrix
from harness.core.cells import Outcome
from harness.core.observations import AttemptMode, ImageRef
from harness.core.targets import Target
from harness.host.cache import Cache
from harness.host.engine import ContainerLimits, ContainerSpec
from harness.host.engine.api import ChannelClosedError, ContainerEnd
from harness.host.engine.docker import DockerEngine
from harness.host.engine.owner import OWNER_LABEL
from harness.host.process import run_process
from harness.images.debian_root import native_arch
from harness.probe.native_installer import NativeInstaller
from harness.probe.session import Session, SessionLostError, open_session
from tests.support.commands import ROOT, wait_until
from tests.support.targets import debian_12
from tests.support.wheels import job_for, make_wheel
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration

TIGHT = ContainerLimits(memory=256 << 20, pids=32, tmpfs=64 << 20)
ARCHES = ["x86_64", "s390x", "aarch64", "armv7l"]

_READ_OTHERS = """
import os
others = {p for p in os.listdir("/proc") if p.isdigit()} - {str(os.getpid()), "1"}
assert others, "there is no installer"
for p in others: open("/proc/%s/mem" % p, "rb")
"""


@pytest.fixture(scope="module", params=ARCHES)
def target(request: pytest.FixtureRequest) -> Target:
    return debian_12(request.param)


@pytest.fixture(scope="module")
def image(engine: DockerEngine, cache: Cache, target: Target) -> ImageRef:
    store = assembled_images(engine, cache)
    return store.get(target)


@pytest.fixture(scope="module")
def sessions(
    engine: DockerEngine, image: ImageRef, target: Target
) -> Iterator[Callable[[], Session]]:
    """Return what gives the open session, or a new one once a cell has ended that."""
    opened: list[Session] = []

    def current() -> Session:
        if not (opened and opened[-1].usable):
            opened.append(open_session(engine, image.id, target, TIGHT))
            opened[-1].start()
        return opened[-1]

    yield current
    for session in opened:
        session.close()


@pytest.fixture
def session(sessions: Callable[[], Session]) -> Session:
    return sessions()


@pytest.mark.parametrize(
    "deed",
    [
        "import os\nfor fd in range(3): open('/proc/1/fd/%d' % fd, 'wb')",
        "open('/proc/1/mem', 'rb')",
        _READ_OTHERS,
        "open('/etc/passwd', 'a')",
        "open('/root-file', 'w')",
        "import os; os.setuid(0)",
        "import socket; socket.create_connection(('192.0.2.1', 80), 1)",
        "import os; os.mkfifo('/dev/shm/x')",
        "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
    ],
    ids=["agent-pipes", "agent-memory", "installer-memory", "passwd", "root", "uid", "network",
         "shared-memory", "namespace"],
)  # fmt: skip
def test_escape_attempt_is_denied(session: Session, tmp_path: Path, deed: str) -> None:
    """A wheel cannot reach the agent, the installer or anything outside its container."""
    result = session.probe(job_for(make_wheel(tmp_path, "wicked", deed)))
    assert result.outcome is Outcome.IMPORT_FAILED, result
    assert session.usable


def test_import_reads_natively_compiled_bytecode(
    engine: DockerEngine, cache: Cache, session: Session, tmp_path: Path
) -> None:
    """Natively compiled bytecode is found beside the source on every arch."""
    code = "import os\nfound = os.path.exists(__cached__)\n"
    wheel = make_wheel(tmp_path, "good", code)
    native = debian_12(native_arch().name)
    images = assembled_images(engine, cache)
    with open_session(engine, images.get(native).id, native, TIGHT) as compiler:
        compiler.start(warm=False)
        bytecode = compiler.compile(wheel.name, wheel.read_bytes(), seconds=60)
    for given, outcome in ((bytecode, Outcome.PASS), (b"", Outcome.CALL_FAILED)):
        job = replace(job_for(wheel, call="good.found"), bytecode=given)
        assert session.probe(job).outcome is outcome


def test_native_installer_matches_the_targets_pip(
    engine: DockerEngine, cache: Cache, image: ImageRef, target: Target, tmp_path: Path
) -> None:
    """The native installation has the same bytes and modes, and refuses native tags."""
    images = assembled_images(engine, cache)
    native, elsewhere = debian_12(native_arch().name), debian_12("riscv64")
    images.get(native)
    files = {
        "good-1.0.dist-info/entry_points.txt": "[console_scripts]\ngood-tool = good:x\n",
        "good-1.0.data/platlib/sub/module.py": "",
        "good-1.0.data/headers/good.h": "",
    }
    with (
        open_session(engine, image.id, target, TIGHT) as own,
        closing(NativeInstaller(engine, images, [native, target], TIGHT)) as installer,
    ):
        passport = own.start()
        for arch, refused in ((target.arch_name, False), (elsewhere.arch_name, True)):
            tag = f"cp311-cp311-manylinux_2_17_{arch}"
            wheel = make_wheel(tmp_path, "good", "x = 1", tag=tag, files=files)
            job = job_for(wheel)
            there = installer.install(target, passport, job)
            assert there is not None
            failure, site, _ = own.install(wheel.name, wheel.read_bytes(), passport.tags, job)
            assert (there.failure is not None, failure is not None) == (refused, refused)
            assert there.site == site


_TO_ALL = """
import os
for number in {numbers}:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) != os.getpid():
            try: os.kill(int(pid), number)
            except OSError: pass
"""


@pytest.mark.parametrize(
    ("numbers", "outcome", "usable"),
    [((19,), Outcome.PASS, True), ((15, 2, 1, 10, 9), Outcome.CRASHED, False)],
    ids=["stop", "kill"],
)
def test_signals_to_every_process_cost_at_most_the_session(
    sessions: Callable[[], Session],
    tmp_path: Path,
    numbers: tuple[int, ...],
    outcome: Outcome,
    usable: bool,
) -> None:
    """A stopped helper is continued; a killed one is the wheel's crash and ends the session."""
    deed = make_wheel(tmp_path, "deed", _TO_ALL.format(numbers=numbers))
    session = sessions()
    assert session.probe(job_for(deed)).outcome is outcome
    assert session.usable is usable
    good = make_wheel(tmp_path, "good", "x = 1")
    assert sessions().probe(job_for(good)).outcome is Outcome.PASS


_LEAVES_PROCESSES = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    if pid < os.getpid() and pid not in (1, os.getppid()):
        os.kill(pid, 9)  # the installer
os.kill(os.getppid(), 9)  # the runner; the agent acts at once
time.sleep(600)
"""


def test_processes_end_though_both_helpers_are_killed(
    sessions: Callable[[], Session], tmp_path: Path
) -> None:
    """The agent kills what the cell left, and its container is removed."""
    session = sessions()
    result = session.probe(job_for(make_wheel(tmp_path, "leaves", _LEAVES_PROCESSES)))
    assert (result.outcome, session.usable) == (Outcome.CRASHED, False)
    container = session._channel.container  # type: ignore[attr-defined]
    assert len(_docker("top", container).splitlines()[1:]) == 1
    session.close()
    wait_until(lambda: container not in _containers(), seconds=10)


def test_no_process_outlives_its_cell(session: Session, tmp_path: Path) -> None:
    """A daemon in a separate session ends before the next cell."""
    daemon = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
    )
    looker = (
        "import os\n"
        "pids = sorted(int(p) for p in os.listdir('/proc') if p.isdigit())\n"
        "assert len(pids) == 4, pids  # the agent, two helpers, this cell\n"
    )
    session.probe(job_for(make_wheel(tmp_path, "daemon", daemon)))
    result = session.probe(job_for(make_wheel(tmp_path, "looker", looker)))
    assert result.outcome is Outcome.PASS, result


def test_memory_limit_has_its_cause(session: Session, tmp_path: Path) -> None:
    """Only the wheel is killed, and the cause names the limit."""
    hog = "x = []\nwhile True: x.append(bytearray(1 << 20))"
    try:
        result = session.probe(job_for(make_wheel(tmp_path, "hog", hog)))
        assert (result.outcome, result.cause) in {
            (Outcome.CRASHED, "memory-limit"),
            (Outcome.IMPORT_FAILED, "memory-limit"),
        }, result
    except SessionLostError as lost:
        pytest.fail(f"the whole session was lost: {lost}")


def test_fork_bomb_stops_at_the_pids_limit(session: Session, tmp_path: Path) -> None:
    """The fork bomb ends at the limit, the cause names it, and the session continues."""
    bomb = "import os\nwhile True: os.fork()"
    good = make_wheel(tmp_path, "good", "x = 1")
    result = session.probe(job_for(make_wheel(tmp_path, "bomb", bomb), timeout=10))
    assert result.outcome is not Outcome.PASS
    assert result.cause == "pids-limit", result
    assert session.usable
    assert session.probe(job_for(good)).outcome is Outcome.PASS


def test_full_disk_fails_only_its_cell(session: Session, tmp_path: Path) -> None:
    """Only the wheel that fills the tmpfs fails."""
    filler = "import os\nf = open('/tmp/fill', 'wb')\nwhile True: f.write(bytes(1 << 20))"
    good = make_wheel(tmp_path, "good", "x = 1")
    result = session.probe(job_for(make_wheel(tmp_path, "filler", filler)))
    assert result.outcome is Outcome.IMPORT_FAILED
    assert "No space left" in result.evidence
    assert session.probe(job_for(good)).outcome is Outcome.PASS


@pytest.mark.parametrize("packed", [80 << 20, 40 << 20], ids=["archive", "unpacked"])
def test_wheel_that_does_not_fit_is_a_miss(session: Session, tmp_path: Path, packed: int) -> None:
    """The container's disk is a limit of ours: it says nothing of the wheel."""
    good = make_wheel(tmp_path, "good", "x = 1")
    large = make_wheel(tmp_path, "large", "x = 1", files={"large.bin": "A"})
    with zipfile.ZipFile(large, "a") as archive:
        archive.writestr("large/data.bin", os.urandom(packed))
    result = session.probe(job_for(large))
    assert (result.outcome, result.cause) == (Outcome.MISS, "infra:space"), result
    assert session.usable
    assert session.probe(job_for(good)).outcome is Outcome.PASS


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("mode", [AttemptMode.SESSION, AttemptMode.FRESH])
def test_wheel_that_needs_more_memory_is_a_miss(
    session: Session, tmp_path: Path, mode: AttemptMode
) -> None:
    """So is the memory that pip needs to read a wheel's metadata."""
    large = make_wheel(tmp_path, "large", "x = 1")
    with zipfile.ZipFile(large, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large-1.0.dist-info/METADATA", b"x: y\n" * (10 << 20))
    result = session.probe(job_for(large), mode)
    assert (result.outcome, result.cause) == (Outcome.MISS, "infra:memory"), result
    assert result.evidence == "killed by SIGKILL at the container's memory limit"
    assert session.usable


@pytest.mark.parametrize("target_id", ["debian-11", "debian-12", "debian-13"])
def test_session_serves_many_cells(
    engine: DockerEngine, cache: Cache, tmp_path: Path, target_id: str
) -> None:
    """Whatever the first installation changes in a pip, old or new, a session stays usable."""
    targets = read_matrix(ROOT / "matrix").targets
    key = f"{target_id}/{native_arch().name}"
    (target,) = (each for each in targets if each.key == key)
    image = assembled_images(engine, cache).get(target)
    good = job_for(make_wheel(tmp_path, "good", "x = 1"))
    with open_session(engine, image.id, target, TIGHT) as session:
        session.start()
        for _ in range(3):
            assert session.probe(good).outcome is Outcome.PASS
            assert session.usable


_SHARES = """
import multiprocessing.pool, os
assert os.listdir("/dev/shm") == []
multiprocessing.pool.ThreadPool(1)
os.makedirs("/dev/shm/a/b"); os.chmod("/dev/shm/a", 0)
open("/dev/shm/left", "w").write("x" * (1 << 20))
"""


def test_shared_memory_is_emptied(
    engine: DockerEngine, image: ImageRef, target: Target, tmp_path: Path
) -> None:
    """Each cell has the ``/dev/shm`` that was asked for, without what another one left."""
    limits = replace(TIGHT, shm=2 << 20)
    with open_session(engine, image.id, target, limits) as session:
        session.start()
        for name in ("one", "two"):
            result = session.probe(job_for(make_wheel(tmp_path, name, _SHARES)))
            assert result.outcome is Outcome.PASS, result
            assert session.usable


def test_end_of_a_container_is_reported(
    engine: DockerEngine, image: ImageRef, target: Target
) -> None:
    """The engine gives the signal of a fault of process 1, or its exit status."""
    ends = {"os._exit(3)": 3, "os.kill(1, 9)": 0, "ctypes.string_at(0)": 128 + signal.SIGSEGV}
    if target.arch.name != native_arch().name:
        del ends["ctypes.string_at(0)"]  # an emulator that is process 1 does not end itself
    for deed, status in ends.items():
        command = ("python3", "-c", f"import ctypes, os, time\ntime.sleep(0.2)\n{deed}")
        with closing(
            engine.open(ContainerSpec(image=image.id, arch=target.arch, command=command))
        ) as channel:
            with pytest.raises(ChannelClosedError):
                channel.receive(1, deadline=time.monotonic() + 60)
            assert channel.ending() == ContainerEnd(status=status), deed


_OWNER = """
import sys, time
from harness.host.engine import ContainerSpec
from harness.host.engine.docker import connect
from harness.core.arches import find_arch
engine = connect()
spec = ContainerSpec(image=sys.argv[1], arch=find_arch(sys.argv[2]), command=("sleep", "600"))
print(engine.open(spec).container, flush=True)
time.sleep(600)
"""


def test_only_containers_of_killed_runs_are_reaped(
    engine: DockerEngine, image: ImageRef, target: Target, session: Session
) -> None:
    """After ``kill -9`` the next run removes only the killed run's containers."""
    command = [sys.executable, "-c", _OWNER, image.id, target.arch_name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        container = owner.stdout.readline().strip()
        engine.reap()
        assert container in _containers(), "a container whose owner lives was reaped"
        owner.kill()
    engine.reap()
    wait_until(lambda: container not in _containers(), seconds=10)
    assert session.usable


def _containers() -> list[str]:
    return _docker("ps", "-aq", "--no-trunc", "--filter", f"label={OWNER_LABEL}").split()


def _docker(*words: str) -> str:
    return run_process(["docker", *words], timeout=60).decode()
