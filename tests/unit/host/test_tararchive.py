"""Unpacking tar files, on every supported Python."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from harness.host.tararchive import unpack_tar


def packed(*names: str, kind: bytes = tarfile.REGTYPE) -> io.BytesIO:
    """Return an open archive whose members hold their own names."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.type, member.uid, member.linkname = kind, 12345, "/etc/passwd"
            member.size = len(name) if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(name.encode()))
    made.seek(0)
    return made


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_path_and_open_file_unpack_the_same(tmp_path: Path) -> None:
    """An archive is a path or an open file."""
    archive = packed("a/one", "two")
    (tmp_path / "x.tar").write_bytes(archive.getvalue())
    unpack_tar(archive, tmp_path / "open")
    unpack_tar(tmp_path / "x.tar", tmp_path / "path")
    assert files(tmp_path / "open") == files(tmp_path / "path") == ["a/one", "two"]
    assert (tmp_path / "path/two").read_text() == "two"


def test_only_unpacks_one_member(tmp_path: Path) -> None:
    """``only`` unpacks the member of that name."""
    unpack_tar(packed("a/one", "a/one2", "two"), tmp_path, only="a/one")
    assert files(tmp_path) == ["a/one"]


def test_owner_is_the_user(tmp_path: Path) -> None:
    """The recorded owner is ignored, also for root."""
    unpack_tar(packed("one"), tmp_path)
    assert (tmp_path / "one").stat().st_uid == os.geteuid()


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(packed("../out"), id="parent"),
        pytest.param(packed("link", kind=tarfile.SYMTYPE), id="absolute link"),
        pytest.param(packed("null", kind=tarfile.CHRTYPE), id="device"),
    ],
)
def test_unsafe_member_is_refused(tmp_path: Path, archive: io.BytesIO) -> None:
    """Members or links outside the folder and devices are errors."""
    with pytest.raises(Exception, match=r"outside|absolute|special file"):
        unpack_tar(archive, tmp_path / "root")
    assert {path.name for path in tmp_path.rglob("*")} <= {"root"}
