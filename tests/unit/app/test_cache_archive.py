"""The cache in one file."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.app.cache_archive import export_cache, import_cache
from harness.core.errors import UsageError
from harness.host.cache import Cache

DATA = b"bytes of a package"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def filled(tmp_path: Path) -> Cache:
    """Return a cache with files, a directory, and what is not carried."""
    cache = Cache(tmp_path / "filled")
    cache.get("debs", "0123-a_1.0~rc1+b1_amd64.deb", lambda path: made(path, DATA))
    cache.get(f"index/{DIGEST}", "a-1.0-py3-none-any.whl", lambda path: made(path, DATA))
    cache.get("programs", "machine-x86_64-1", lambda path: made(path, b"program"))
    cache.get("sent/0", "own-1.0-py3-none-any.whl", lambda path: made(path, b"a user's own"))
    cache.tree("libraries", "x86_64-musl-1", make_tree)
    made(cache.root / "resolutions" / "sid.json", b"{}")
    return cache


def made(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def make_tree(folder: Path) -> None:
    made(folder / "bin" / "tool", b"#!/bin/sh\n")
    (folder / "bin" / "tool").chmod(0o755)
    (folder / "tool").symlink_to("bin/tool")


def archive(path: Path, members: dict[str, bytes], entries: object) -> Path:
    """Write an archive with these members and this manifest."""
    with tarfile.open(path, "w") as tar:
        for name, data in [*members.items(), ("manifest.json", json.dumps(entries).encode())]:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def entry(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of a manifest
    return {"kind": "debs", "name": "a.deb", "sha256": DIGEST, **fields}


def test_another_machine_gets_every_entry_once(filled: Cache, tmp_path: Path) -> None:
    """Files, directories and modes are those of the first cache; equal bytes are one member."""
    path = tmp_path / "cache.tar"
    sent = export_cache(filled, path)
    with tarfile.open(path) as tar:
        assert tar.getnames().count(f"blobs/{DIGEST}") == 1
    other = Cache(tmp_path / "other")
    come = import_cache(other, path, sent.sha256)
    assert (sent.entries, come.entries, come.new) == (5, 5, 5)
    assert other.get("debs", "0123-a_1.0~rc1+b1_amd64.deb", fails).read_bytes() == DATA
    assert other.has(f"index/{DIGEST}", "a-1.0-py3-none-any.whl")
    tree = other.tree("libraries", "x86_64-musl-1", fails)
    assert (tree / "tool").readlink() == Path("bin/tool")
    assert (tree / "bin" / "tool").stat().st_mode & 0o777 == 0o755
    assert (other.root / "programs" / "machine-x86_64-1").stat().st_mode & 0o111
    assert (other.root / "resolutions" / "sid.json").read_bytes() == b"{}"
    assert not (other.root / "sent").exists()
    assert import_cache(other, path).new == 0


def fails(_: Path) -> None:
    pytest.fail("it is not in the cache")


def test_a_damaged_entry_is_not_exported(filled: Cache, tmp_path: Path) -> None:
    """It would be made again here, too."""
    made(filled.root / "debs" / "0123-a_1.0~rc1+b1_amd64.deb", b"other bytes")
    assert export_cache(filled, tmp_path / "cache.tar").entries == 4


def _flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(DATA)] ^= 1
    path.write_bytes(data)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-12_000])


@pytest.mark.parametrize("damage", [_flipped, _cut])
def test_a_damaged_archive_changes_nothing(
    damage: Callable[[Path], None], filled: Cache, tmp_path: Path
) -> None:
    """One other byte or a missing end is found before anything is placed."""
    path = tmp_path / "cache.tar"
    digest = export_cache(filled, path).sha256
    damage(path)
    other = Cache(tmp_path / "other")
    with pytest.raises(UsageError, match=r"cache\.tar: .*; nothing was imported"):
        import_cache(other, path)
    with pytest.raises(UsageError, match=r"its SHA-256 is .*, not .*; nothing was imported"):
        import_cache(other, path, digest)
    assert [file for file in other.root.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "../debs"},
        {"kind": "debs/.."},
        {"kind": "debs/../../etc"},
        {"kind": "/etc"},
        {"kind": "sent"},
        {"kind": "zig"},
        {"name": "../a.deb"},
        {"name": ".making-1-x"},
        {"name": "a.deb.sha256"},
        {"name": ""},
        {"name": "a/b"},
        {"sha256": "0" * 64},
        {"sha256": "../../etc/passwd"},
        {"tree": True},
        {"kind": "libraries", "tree": True},  # its bytes are no tar file
    ],
)
def test_a_hostile_entry_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    """Nothing is written outside of its kind, and no directory that is not a tar file."""
    path = archive(tmp_path / "evil.tar", {f"blobs/{DIGEST}": DATA}, [entry(), entry(**wrong)])
    other = Cache(tmp_path / "cache" / "root")
    with pytest.raises(UsageError, match=r"evil\.tar: .*; nothing was imported"):
        import_cache(other, path)
    assert [file for file in (tmp_path / "cache").rglob("*") if file.is_file()] == []


def test_a_hostile_directory_is_refused(tmp_path: Path) -> None:
    """Its tar file may not leave the directory."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as tar:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    data = inner.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    listed = [entry(kind="libraries", name="x", sha256=digest, tree=True)]
    path = archive(tmp_path / "evil.tar", {f"blobs/{digest}": data}, listed)
    other = Cache(tmp_path / "cache")
    with pytest.raises(UsageError, match="nothing was imported"):
        import_cache(other, path)
    assert not (other.root / "libraries").exists()


@pytest.mark.parametrize("name", ["etc/passwd", "blobs/../x", f"blobs/{'0' * 64}"])
def test_a_hostile_member_is_refused(name: str, tmp_path: Path) -> None:
    """Only blobs with their own digests belong in it."""
    path = archive(tmp_path / "evil.tar", {name: DATA}, [])
    with pytest.raises(UsageError, match="nothing was imported"):
        import_cache(Cache(tmp_path / "cache"), path)


def test_links_and_members_behind_the_manifest_are_refused(tmp_path: Path) -> None:
    """A link is no file, and the manifest is the end."""
    path = archive(tmp_path / "evil.tar", {}, [])
    with tarfile.open(path, "a") as tar:
        tar.addfile(tarfile.TarInfo(f"blobs/{DIGEST}"))
    with pytest.raises(UsageError, match="does not belong in such an archive"):
        import_cache(Cache(tmp_path / "cache"), path)
    linked = tmp_path / "linked.tar"
    with tarfile.open(linked, "w") as tar:
        link = tarfile.TarInfo(f"blobs/{DIGEST}")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(UsageError, match="does not belong in such an archive"):
        import_cache(Cache(tmp_path / "cache"), linked)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """So is a missing one, a manifest that is none, and a tar file without one."""
    (tmp_path / "text").write_text("no tar file")
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    paths = [archive(tmp_path / "list.tar", {}, {"a": 1}), tmp_path / "none", tmp_path / "text"]
    for path in [*paths, tmp_path / "empty.tar"]:
        with pytest.raises(UsageError):
            import_cache(Cache(tmp_path / "cache"), path)
