"""A real package manager in the confined container of prepare commands."""

import os

import pytest

from harness.core.targets import AssembledWay
from harness.host.cache import Cache
from harness.host.engine import PreparedImage
from harness.host.engine.docker import DockerEngine
from harness.images.debian.mirrors import find_mirrors
from harness.images.debian_root import native_arch
from tests.support.targets import make_target
from tests.support.workspace import assembled_images

pytestmark = [pytest.mark.integration, pytest.mark.nightly]

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKAGES = (
    *("apt", "base-files", "base-passwd", "coreutils", "debian-archive-keyring", "diffutils"),
    *("dpkg", "grep", "gzip", "libc-bin", "perl-base", "sed", "tar"),
)


def test_apt_installs_a_package_with_file_capabilities(engine: DockerEngine, cache: Cache) -> None:
    """``apt`` downloads as its own user, and ``ping`` gets its capability."""
    way = AssembledWay(suite="bookworm", packages=PACKAGES)
    target = make_target(f"debian-with-apt/{native_arch().name}", assembled=way)
    base = assembled_images(engine, cache).get(target)
    mirror = find_mirrors().mirrors[0]
    name = f"wheelgrid/prepared-by-apt:{os.getpid()}"
    said: list[str] = []
    wanted = PreparedImage(
        reference=name,
        base=base.id,
        arch=native_arch(),
        commands=(
            f"echo 'deb [signed-by={KEYS}] {mirror} bookworm main' > /etc/apt/sources.list",
            "apt-get update",
            "apt-get install -y --no-install-recommends iputils-ping libcap2-bin",
            "getcap /bin/ping",
            "stat -c 'lists belong to %U' /var/lib/apt/lists/partial",
        ),
        labels={},
    )
    try:
        engine.prepare_image(wanted, said.append)
    finally:
        if engine.find_image(name):
            engine.remove_image(name)
    assert "/bin/ping cap_net_raw=ep" in said
    assert said[-1] == "lists belong to _apt"
