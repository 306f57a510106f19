"""The file system of an image in a tar file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.passports.rootfs import Rootfs
from tests.support.rootfs import write_rootfs


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Rootfs]:
    entries: dict[str, bytes | str] = {
        "lib": "usr/lib",
        "usr/lib/libz.so.1.3": b"zlib",
        "usr/lib/libz.so.1": "libz.so.1.3",
        "usr/lib/absolute": "/lib/libz.so.1",
        "usr/lib/out": "../../../../usr/lib/libz.so.1",
        "usr/lib/hard": "=usr/lib/libz.so.1.3",
        "usr/lib/gone": "nowhere",
        "usr/lib/hardly": "=usr/lib/nowhere",
        "usr/lib/a": "b",
        "usr/lib/b": "a",
    }
    with Rootfs(write_rootfs(tmp_path / "root.tar", entries)) as opened:
        yield opened


@pytest.mark.parametrize(
    "path",
    ["/usr/lib/libz.so.1", "/lib/libz.so.1", "/lib/absolute", "/lib/out", "lib/../lib/libz.so.1.3"],
)
def test_links_are_followed_within_the_image(root: Rootfs, path: str) -> None:
    """Links to folders and files are resolved, also absolute ones and those above the root."""
    assert root.resolve(path) == "/usr/lib/libz.so.1.3"
    assert root.read(path) == b"zlib"


@pytest.mark.parametrize("path", ["/lib/gone", "/lib/a", "/nowhere", "/lib/libz.so.1/deeper"])
def test_unresolvable_paths(root: Rootfs, path: str) -> None:
    """A broken link, a cycle of links and a file as a folder resolve to nothing."""
    assert root.resolve(path) == ""
    assert root.read(path) is None


def test_hard_links(root: Rootfs) -> None:
    """A hard link has its file's bytes, or None if the archive lacks the file."""
    assert root.read("/lib/hard") == b"zlib"
    assert root.read("/lib/hardly") is None


def test_folders(root: Rootfs) -> None:
    """A folder without an own entry exists with its files, by any path."""
    assert root.names("/lib") == root.names("/usr/lib")
    assert root.names("/usr") == ("lib",)
    assert "libz.so.1" in root.names("/usr/lib")
    assert root.names("/nowhere") == ()
    assert root.read("/usr/lib") is None
    assert root.text("/usr") == ""
