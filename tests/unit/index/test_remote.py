"""Wheels looked into where they lie, on a small index of the test's own."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import Retry

from harness.builders.wheelfile import ComposedName, WheelMember, write_wheel
from harness.cache import Cache
from harness.errors import PackageIndexError
from harness.index.client import IndexClient, IndexSettings, Part
from harness.index.fetch import PackageIndex
from harness.index.lock import NOTHING_PINNED, LockedWheel
from harness.index.remote import RangedFile, read_all, read_remote
from harness.wheel.listing import read_listing
from tests.unit.index.conftest import LoopbackIndex

MODULE = "demo/_core.cpython-39-x86_64-linux-gnu.so"
NAME = ComposedName(
    distribution="demo", version="1.0", python="cp39", abi="cp39", platform="linux_x86_64"
)


@pytest.fixture
def wheel(tmp_path: Path) -> bytes:
    """Return a wheel whose large member lies before its directory."""
    noise = b"".join(hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(20_000))
    path = tmp_path / NAME.filename
    members = [WheelMember(path=MODULE, data=noise), WheelMember(path="demo/a.py", data=b"")]
    write_wheel(
        path, NAME, members, {"METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"}
    )
    return path.read_bytes()


def served(index: LoopbackIndex, wheel: bytes) -> LockedWheel:
    digest = hashlib.sha256(wheel).hexdigest()
    index.serve("demo", f'href="/files/{NAME.filename}#sha256={digest}">{NAME.filename}')
    index.pages[f"/files/{NAME.filename}"] = wheel
    return LockedWheel(filename=NAME.filename, sha256=digest)


def opened(index: LoopbackIndex, folder: Path, patience: Retry) -> PackageIndex:
    client = IndexClient(IndexSettings(endpoint=index.endpoint), patience)
    return PackageIndex(Cache(folder), NOTHING_PINNED, lambda _: None, client)


def files_asked(index: LoopbackIndex) -> list[str]:
    return [asked for asked in index.asked if asked.startswith("/files/")]


def test_only_the_end_is_read(
    loopback_index: LoopbackIndex, wheel: bytes, tmp_path: Path, impatient: Retry
) -> None:
    """The end of a file of 600 KB, and its signature, tell what the whole file would."""
    loopback_index.parts = True
    locked = served(loopback_index, wheel)
    index = opened(loopback_index, tmp_path / "cache", impatient)
    facts = read_remote(locked, index, Cache(tmp_path / "cache"))
    assert facts == read_listing(NAME.filename, io.BytesIO(wheel))
    assert len(wheel) > 600_000
    path = f"/files/{NAME.filename}"
    assert files_asked(loopback_index) == [f"{path} -65536", f"{path} 0"]


def test_nothing_is_asked_twice(
    loopback_index: LoopbackIndex, wheel: bytes, tmp_path: Path, impatient: Retry
) -> None:
    """What was read is kept by the wheel's digest."""
    loopback_index.parts = True
    locked = served(loopback_index, wheel)
    index = opened(loopback_index, tmp_path / "cache", impatient)
    first = read_remote(locked, index, Cache(tmp_path / "cache"))
    asked = len(loopback_index.asked)
    assert read_remote(locked, index, Cache(tmp_path / "cache")) == first
    assert len(loopback_index.asked) == asked


def test_an_index_without_parts(
    loopback_index: LoopbackIndex, wheel: bytes, tmp_path: Path, impatient: Retry
) -> None:
    """Where a request for a part is answered with the whole, the whole is fetched and checked."""
    locked = served(loopback_index, wheel)
    index = opened(loopback_index, tmp_path / "cache", impatient)
    facts = read_remote(locked, index, Cache(tmp_path / "cache"))
    assert [native.name for native in facts.native] == [MODULE]


def test_what_cannot_be_read_is_told(
    loopback_index: LoopbackIndex, wheel: bytes, tmp_path: Path, impatient: Retry
) -> None:
    """One wheel that is gone and one that is none do not keep the others from being read."""
    loopback_index.parts = True
    good = served(loopback_index, wheel)
    gone = LockedWheel(filename="demo-2.0-cp39-cp39-linux_x86_64.whl", sha256="0" * 64)
    failed: list[tuple[str, type[Exception]]] = []
    found = list(
        read_all(
            [good, gone],
            opened(loopback_index, tmp_path / "cache", impatient),
            Cache(tmp_path / "cache"),
            lambda one, error: failed.append((one.filename, type(error))),
        )
    )
    assert [one.filename for one, _ in found] == [good.filename]
    assert failed == [(gone.filename, PackageIndexError)]


@given(
    data=st.binary(min_size=1, max_size=300),
    tail=st.integers(min_value=1, max_value=300),
    reads=st.lists(st.tuples(st.integers(0, 320), st.integers(-1, 320)), max_size=6),
)
def test_a_ranged_file_reads_as_the_file(
    data: bytes, tail: int, reads: list[tuple[int, int]]
) -> None:
    """Whatever is read of it, in whatever order, is what the file has there."""

    def part(first: int, last: int | None) -> Part:
        return Part(first=first, data=data[first : None if last is None else last + 1],
                    size=len(data))  # fmt: skip

    ranged, plain = RangedFile(part, part(max(0, len(data) - tail), None)), io.BytesIO(data)
    for at, size in reads:
        assert ranged.seek(at) == plain.seek(at)
        assert ranged.read(size) == plain.read(size)
        assert ranged.tell() == max(at, min(plain.tell(), len(data)))


def test_zip_archives_are_read_through_it(wheel: bytes) -> None:
    """A zip reader finds every member, those before the end too."""

    def part(first: int, last: int | None) -> Part:
        return Part(first=first, data=wheel[first : None if last is None else last + 1],
                    size=len(wheel))  # fmt: skip

    with zipfile.ZipFile(RangedFile(part, part(len(wheel) - 1000, None))) as archive:
        assert archive.testzip() is None
