"""Real package managers in the confined container of prepare commands."""

import pytest

from harness.core.targets import AssembledWay
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine
from harness.images.debian.mirrors import find_mirrors
from harness.images.debian_root import native_arch
from tests.support.prepared import prepare
from tests.support.targets import make_target
from tests.support.workspace import assembled_images

pytestmark = [pytest.mark.integration, pytest.mark.nightly]

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKAGES = (
    *("apt", "base-files", "base-passwd", "coreutils", "debian-archive-keyring", "diffutils"),
    *("dpkg", "grep", "gzip", "libc-bin", "perl-base", "sed", "tar"),
)


SPEC = """\
Name: wheelgrid-demo
Version: 1
Release: 1
Summary: A program with a capability, and a file of another user
License: MIT
BuildArch: noarch
Provides: /bin/sh
%description
Demo.
%install
mkdir -p %{buildroot}/opt
cp /etc/os-release %{buildroot}/opt/demo
touch %{buildroot}/opt/of-games
%pre
echo scriptlet runs as $(id -u)
%files
%caps(cap_net_raw=ep) /opt/demo
%attr(2750, games, games) /opt/of-games
"""


def prepared(
    engine: DockerEngine, cache: Cache, packages: tuple[str, ...], *commands: str
) -> list[str]:
    """Return what the commands print in an image with these packages of Debian."""
    way = AssembledWay(suite="bookworm", packages=packages)
    target = make_target(f"with-package-manager/{native_arch().name}", assembled=way)
    return prepare(engine, assembled_images(engine, cache).get(target), *commands)


def test_apt_installs_a_package_with_file_capabilities(engine: DockerEngine, cache: Cache) -> None:
    """``apt`` downloads as its own user, and ``ping`` gets its capability."""
    mirror = find_mirrors().mirrors[0]
    said = prepared(
        engine,
        cache,
        PACKAGES,
        f"echo 'deb [signed-by={KEYS}] {mirror} bookworm main' > /etc/apt/sources.list",
        "apt-get update",
        "apt-get install -y --no-install-recommends iputils-ping libcap2-bin",
        "getcap /bin/ping",
        "stat -c 'lists belong to %U' /var/lib/apt/lists/partial",
    )
    assert "/bin/ping cap_net_raw=ep" in said
    assert said[-1] == "lists belong to _apt"


def test_dnf_installs_a_package_with_file_capabilities(engine: DockerEngine, cache: Cache) -> None:
    """From a repository on disk: its program gets a capability, and a file another owner."""
    spec = SPEC.replace("\n", "\\n")
    said = prepared(
        engine,
        cache,
        ("base-files", "base-passwd", "coreutils", "dash", "dnf", "rpm", "createrepo-c",
         "libcap2-bin"),
        f"printf '{spec.replace('%', '%%')}' > /demo.spec",
        "rpmbuild -bb --define '_rpmdir /repo' --define '_topdir /build' "
        "--define '__os_install_post %{nil}' /demo.spec",
        "createrepo_c /repo",
        "dnf -y --nogpgcheck --repofrompath=local,/repo --repo=local install wheelgrid-demo",
        "getcap /opt/demo",
        "stat -c '%U %a' /opt/of-games",
        "rpm -q wheelgrid-demo",
    )  # fmt: skip
    assert "/opt/demo cap_net_raw=ep" in said
    assert "games 2750" in said
    assert any("scriptlet runs as 0" in line for line in said)
    assert said[-1] == "wheelgrid-demo-1-1.noarch"
