"""Read the facts of index wheels with range requests, without downloading them.

The end of the file is read, which has the zip directory, and on request the native members. If
the index does not support ranges, the whole file is downloaded. Facts are cached by the
wheel's digest.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, assert_never, cast

from pydantic import TypeAdapter

from harness.core.errors import PackageIndexError, WheelError
from harness.host.cache import Cache, content_key
from harness.host.code_key import code_key
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.listing import read_listing, read_native
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LockedWheel

if TYPE_CHECKING:
    from harness.wheels.index.client import ByteRange

SMALLEST_RANGE = 64 << 10
"""Bytes of the smallest request; the directory of most wheels is smaller."""

ReadRange = Callable[[int, int | None], "ByteRange | None"]
"""Returns the bytes from first to last, or None if ranges are not supported."""


class Depth(StrEnum):
    """How much of a wheel is read. The values are kinds of cache entries."""

    NAMES = "listings"
    NATIVE = "natives"
    """The ELF files too."""


AT_ONCE = {Depth.NAMES: 8, Depth.NATIVE: 3}
"""Wheels that are read in parallel; native members are held in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFacts:
    """What was read of one index wheel."""

    facts: WheelFacts
    size: int
    """Bytes of the wheel."""
    read: int
    """Bytes that were downloaded."""


_REMOTE_FACTS: TypeAdapter[RemoteFacts] = TypeAdapter(RemoteFacts)


class RangedFile(io.RawIOBase):
    """A remote file read in ranges; its end and the latest range are buffered."""

    def __init__(self, read_range: ReadRange, tail: "ByteRange") -> None:
        super().__init__()
        self._read_range = read_range
        self._tail = self._latest = tail
        self.size = tail.size
        self.received = len(tail.data)
        """Bytes downloaded so far."""
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self.size if size < 0 else min(self._at + size, self.size)
        if self._at >= end:
            return b""
        part = self._covering(self._at, end)
        data = part.data[self._at - part.first : end - part.first]
        self._at = end
        return data

    def prefetch(self, start: int, end: int) -> None:
        """Fetch the range in one request. Raises as ``read`` does."""
        self._covering(start, min(end, self.size), at_least=0)

    def _covering(self, start: int, end: int, at_least: int = SMALLEST_RANGE) -> "ByteRange":
        for part in (self._tail, self._latest):
            if part.first <= start and end <= part.first + len(part.data):
                return part
        last = min(max(end, start + at_least), self.size) - 1
        found = self._read_range(start, last)
        if found is None or found.first != start or len(found.data) != last + 1 - start:
            raise PackageIndexError("the package index returned another range than requested")
        self._latest = found
        self.received += len(found.data)
        return found


def read_remote(wheel: LockedWheel, index: PackageIndex, cache: Cache, depth: Depth) -> RemoteFacts:
    """Return the facts of an index wheel, cached by its digest.

    Raises ``PackageIndexError`` and ``WheelError``.
    """

    def read(path: Path) -> None:
        with _opened(wheel, index) as file:
            facts = _read(wheel.filename, file, depth)
            size = file.seek(0, os.SEEK_END)
            received = file.received if isinstance(file, RangedFile) else size
        found = RemoteFacts(facts=facts, size=size, read=received)
        path.write_bytes(_REMOTE_FACTS.dump_json(found))

    key = content_key(wheel.sha256, code_key(read_listing.__module__))
    entry = cache.get(depth.value, f"{key}.json", read)
    return _REMOTE_FACTS.validate_json(entry.read_bytes())


def read_wheels(
    wheels: Iterable[LockedWheel],
    index: PackageIndex,
    cache: Cache,
    failed: Callable[[LockedWheel, Exception], None],
    depth: Depth = Depth.NAMES,
) -> Iterator[tuple[LockedWheel, RemoteFacts]]:
    """Read wheels in parallel and yield them as they finish; ``failed`` gets the others."""
    pool = ThreadPoolExecutor(AT_ONCE[depth], thread_name_prefix="wheels")
    try:
        waiting = {pool.submit(read_remote, w, index, cache, depth): w for w in wheels}
        for done in as_completed(waiting):
            wheel = waiting.pop(done)
            try:
                yield wheel, done.result()
            except (PackageIndexError, WheelError) as error:
                failed(wheel, error)
    finally:
        pool.shutdown(cancel_futures=True)


def _read(filename: str, file: RangedFile | BinaryIO, depth: Depth) -> WheelFacts:
    stream = cast("BinaryIO", file)
    match depth:
        case Depth.NAMES:
            return read_listing(filename, stream)
        case Depth.NATIVE:
            prefetch = file.prefetch if isinstance(file, RangedFile) else lambda *_: None
            return read_native(filename, stream, prefetch)
        case _:
            assert_never(depth)


@contextmanager
def _opened(wheel: LockedWheel, index: PackageIndex) -> Iterator[RangedFile | BinaryIO]:
    tail = index.read_range(wheel, -SMALLEST_RANGE)
    if tail is not None:
        yield RangedFile(lambda first, last: index.read_range(wheel, first, last), tail)
        return
    with Path(index.fetch(wheel).path).open("rb") as stream:
        yield stream
