"""Mirrors from the environment, from apt and from mmdebstrap; the snapshot archive."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.images.debian import mirrors
from harness.images.debian.mirrors import (
    Mirrors,
    find_mirrors,
    host_of,
    parse_settings,
    parse_targets,
)
from tests.support.workspace import a_package

FILE = replace(
    a_package("zlib1g"),
    path="pool/main/z/zlib/zlib1g_1.3~rc1+b1_s390x.deb",
    vouched="seen:2026-11-21",
)


def test_apt_settings_are_parsed() -> None:
    """Quotes are removed as by a shell."""
    text = "SNAPSHOTS='http://archive.test/@SNAPSHOTID@/'\nEXPIRED='$(false) it'\nnonsense\n"
    assert parse_settings(text) == {
        "SNAPSHOTS": "http://archive.test/@SNAPSHOTID@/",
        "EXPIRED": "$(false) it",
    }
    assert parse_settings("") == {}


def test_apt_mirrors_are_debians() -> None:
    """Without duplicates, other origins, the security archive and local disks."""
    text = (
        "http://one.test/debian Debian bookworm\n"
        "http://one.test/debian Debian bookworm-updates\n"
        "http://security.test/debian-security Debian bookworm-security\n"
        "http://docker.test/linux Docker bookworm\n"
        "https://two.test/debian Debian sid\n"
        "cdrom:/[Debian]/ Debian bookworm\n"
        "http://empty.test/\n\n"
    )
    assert parse_targets(text) == ("http://one.test/debian", "https://two.test/debian")


def test_file_has_an_address_on_every_mirror() -> None:
    """In order; allowed characters of a path are not quoted."""
    found = Mirrors(mirrors=("http://one.test/debian", "http://two.test/d"))
    assert found.addresses(FILE) == (
        f"http://one.test/debian/{FILE.path}",
        f"http://two.test/d/{FILE.path}",
    )


def test_address_is_quoted() -> None:
    """A path of a signed index is still untrusted text."""
    odd = replace(FILE, path="pool/a b?c#d.deb")
    (address,) = Mirrors(mirrors=("http://one.test",)).addresses(odd)
    assert address == "http://one.test/pool/a%20b%3Fc%23d.deb"


RELEASE = replace(
    FILE, path="https://www.python.org/ftp/python/3.12.10/Python-3.12.10.tar.xz", vouched="cited:2"
)


def test_release_has_its_own_address_or_that_of_a_mirror() -> None:
    """No Debian mirror has a release of CPython."""
    found = Mirrors(mirrors=("http://one.test",), archive="http://archive.test/@SNAPSHOTID@")
    assert found.addresses(RELEASE) == (RELEASE.path,)
    mirrored = replace(found, releases="http://mirror.test/python")
    assert mirrored.addresses(RELEASE) == (
        "http://mirror.test/python/3.12.10/Python-3.12.10.tar.xz",
    )
    elsewhere = replace(RELEASE, path="http://other.test/x.tar.xz")
    assert mirrored.addresses(elsewhere) == (elsewhere.path,)


@pytest.mark.parametrize("end", ["", "/"])
def test_archive_comes_last(end: str) -> None:
    """The snapshot is that of the end of the index's day."""
    archive = f"http://archive.test/@SNAPSHOTID@{end}"
    found = Mirrors(mirrors=("http://one.test",), archive=archive).addresses(FILE)
    assert found[1:] == (f"http://archive.test/20261121T235959Z/{FILE.path}",)
    assert Mirrors(mirrors=(), archive=archive).addresses(FILE) == found[1:]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("http://user:secret@one.test:8080/debian", "one.test:8080"),
        ("https://one.test/debian", "one.test"),
        ("u:secret@one.test/debian", ""),
    ],
)
def test_host_is_shown_without_password(address: str, host: str) -> None:
    """It is used in messages and in ``run.json``."""
    assert host_of(address) == host


@pytest.mark.parametrize(
    "text",
    ["u:secret@one.test/debian", "file:/srv/x", "ftp://u:secret@h/d", "http://u:secret@h:port/d",
     "http://[::1/d", "http:///d", "http://h:99999/d"],
)  # fmt: skip
def test_invalid_address_is_a_usage_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message does not repeat a password."""
    monkeypatch.setenv("WHEELGRID_DEBIAN_MIRRORS", f"http://good.test/debian {text}")
    with pytest.raises(UsageError, match="write it as http://HOST/debian") as caught:
        find_mirrors()
    assert "secret" not in str(caught.value)


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder with a fake apt, without mirrors in the environment."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder, "apt-config", "echo \"SNAPSHOTS='http://old.test/@SNAPSHOTID@/'\"")
    script(folder, "apt-get", "echo http://apt.test/debian/ Debian bookworm")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name in (mirrors.MIRRORS, mirrors.ARCHIVE, mirrors.KEYRING):
        monkeypatch.delenv(name, raising=False)
    return folder


def script(folder: Path, name: str, line: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{line}\n")
    (folder / name).chmod(0o755)


def test_apt_settings_are_found(apt: Path) -> None:
    """A configured machine needs no option; trailing slashes are removed."""
    assert apt.is_dir()
    assert find_mirrors() == Mirrors(
        mirrors=("http://apt.test/debian",), archive="http://old.test/@SNAPSHOTID@/"
    )


def test_environment_precedes_apt(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has several mirrors, an archive and a keyring."""
    assert apt.is_dir()
    monkeypatch.setenv(mirrors.MIRRORS, "http://one.test/ http://two.test/debian")
    monkeypatch.setenv(mirrors.ARCHIVE, "http://own.test/@SNAPSHOTID@")
    monkeypatch.setenv(mirrors.KEYRING, "/keys.gpg")
    assert find_mirrors() == Mirrors(
        mirrors=("http://one.test", "http://two.test/debian"),
        archive="http://own.test/@SNAPSHOTID@",
        keyring="/keys.gpg",
    )


@pytest.mark.parametrize(
    ("value", "accepts"), [("false", True), ("no", True), ("true", False), ("", False)]
)
def test_apt_setting_accepts_an_expired_index(apt: Path, value: str, *, accepts: bool) -> None:
    """Only if this machine's apt is configured so."""
    script(apt, "apt-config", f"echo \"EXPIRED='{value}'\"")
    assert find_mirrors().accept_expired is accepts


def test_mmdebstrap_mirror_is_used_without_apt(apt: Path) -> None:
    """Its sources list is read on a machine that is not Debian; nothing is created."""
    script(apt, "apt-config", "exit 1")
    script(apt, "apt-get", "exit 1")
    script(
        apt,
        "mmdebstrap",
        "echo 'deb [signed-by=\"/k\"] http://default.test/debian stable main'; exit 1",
    )
    assert find_mirrors() == Mirrors(mirrors=("http://default.test/debian",))


def test_no_mirror_is_no_error(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that needs a mirror reports it."""
    monkeypatch.setenv("PATH", str(apt / "nowhere"))
    assert find_mirrors() == Mirrors(mirrors=())
