"""What the container of prepare commands may do, and where it ends."""

import pytest

from harness.core.errors import ImageError
from harness.core.observations import ImageRef
from harness.host.cache import Cache
from harness.host.engine import preparation
from harness.host.engine.docker import DockerEngine
from harness.images.debian_root import native_arch
from tests.support.owned_containers import own_containers
from tests.support.prepared import prepare
from tests.support.targets import debian_12
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration

NATIVE = native_arch()


@pytest.fixture
def image(engine: DockerEngine, cache: Cache) -> ImageRef:
    return assembled_images(engine, cache).get(debian_12(NATIVE.name))


def test_prepare_has_a_network_and_few_capabilities(engine: DockerEngine, image: ImageRef) -> None:
    """It runs as root on the bridge, with what a package manager needs and no more."""
    read = 'python3 -c \'print(open("/proc/self/status").read(), *os.listdir("/sys/class/net"))\''
    said = prepare(engine, image, read.replace("print", "import os; print"), "id -u")
    effective = int(next(line.split()[1] for line in said if line.startswith("CapEff")), 16)
    # capability.h: chown, dac_override, fowner, fsetid, setgid, setuid, setfcap
    assert {bit for bit in range(64) if effective >> bit & 1} == {0, 1, 3, 4, 6, 7, 31}
    assert said[-1] == "0"
    assert "eth0" in said[-3].split()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sleep 60", "still running after 2 s"),
        ("while :; do echo more; done", "still running after 2 s"),
        ("python3 -c 'x = bytearray(3 << 30)'", "status 137 .it needs more than 2048 MiB"),
        (
            "python3 -c 'import os, time\nfor n in range(600):\n  if not os.fork(): time.sleep(9)'",
            "Resource temporarily unavailable",
        ),
    ],
    ids=["silent", "noisy", "memory", "processes"],
)
def test_prepare_is_limited(
    engine: DockerEngine,
    image: ImageRef,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    words: str,
) -> None:
    """What has no end, or takes too much, is an image error, and no container stays."""
    if "sleep 60" in command or "while" in command:
        monkeypatch.setattr(preparation, "PREPARE_SECONDS", 2)
    with pytest.raises(ImageError, match=words) as caught:
        prepare(engine, image, command)
    assert caught.value.cause == "infra:prepare"
    assert own_containers(engine._api) == []
