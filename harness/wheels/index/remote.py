"""Wheels looked into where they lie: wheels of the index in, what they hold out.

Read are the ends of the files, where a zip archive has its directory, and on request the native
members; the whole file where the index gives no parts. What was read is kept by the wheel's
digest, so that a second look, or one that was interrupted, asks for nothing twice.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, assert_never, cast

from pydantic import TypeAdapter

from harness.core.errors import PackageIndexError, WheelError
from harness.host.cache import Cache
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.listing import read_listing, read_native
from harness.wheels.index.client import ByteRange
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LockedWheel

PIECE = 64 << 10
"""Bytes of the smallest part that is asked for; the directory of most wheels is smaller."""

ReadPart = Callable[[int, int | None], ByteRange | None]
"""First and last byte to those bytes; None where there are no parts."""


class Depth(StrEnum):
    """How much of a wheel is read, as cache entries are called: counts up with what is kept."""

    NAMES = "listings-2"
    NATIVE = "natives-1"
    """The ELF files too."""


AT_ONCE = {Depth.NAMES: 8, Depth.NATIVE: 3}
"""Wheels that are read at the same time; native members are held in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFacts:
    """One look into a wheel."""

    facts: WheelFacts
    size: int
    """Bytes of the wheel."""
    read: int
    """Bytes that the index gave for it."""


_REMOTE_FACTS: TypeAdapter[RemoteFacts] = TypeAdapter(RemoteFacts)


class RangedFile(io.RawIOBase):
    """A file that is read in parts. Its end is held, and beside it the latest part."""

    def __init__(self, read_part: ReadPart, tail: ByteRange) -> None:
        super().__init__()
        self._read_part = read_part
        self._tail = self._latest = tail
        self.size = tail.size
        self.given = len(tail.data)
        """Bytes that somebody gave so far."""
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
        """Ask at one stroke for what will be read piece by piece. Raises as ``read`` does."""
        self._covering(start, min(end, self.size), at_least=0)

    def _covering(self, start: int, end: int, at_least: int = PIECE) -> ByteRange:
        for part in (self._tail, self._latest):
            if part.first <= start and end <= part.first + len(part.data):
                return part
        last = min(max(end, start + at_least), self.size) - 1
        found = self._read_part(start, last)
        if found is None or found.first != start or len(found.data) != last + 1 - start:
            raise PackageIndexError("the package index gave another part than was asked for")
        self._latest = found
        self.given += len(found.data)
        return found


def read_remote(wheel: LockedWheel, index: PackageIndex, cache: Cache, depth: Depth) -> RemoteFacts:
    """Return what a wheel of the index holds, as deep as is asked, kept by its digest.

    Raises ``PackageIndexError`` and ``WheelError``.
    """

    def look(path: Path) -> None:
        with _opened(wheel, index) as file:
            facts = _read(wheel.filename, file, depth)
            size = file.seek(0, os.SEEK_END)
            given = file.given if isinstance(file, RangedFile) else size
        found = RemoteFacts(facts=facts, size=size, read=given)
        path.write_bytes(_REMOTE_FACTS.dump_json(found))

    entry = cache.get(depth.value, f"{wheel.sha256}.json", look)
    return _REMOTE_FACTS.validate_json(entry.read_bytes())


def read_wheels(
    wheels: Iterable[LockedWheel],
    index: PackageIndex,
    cache: Cache,
    failed: Callable[[LockedWheel, Exception], None],
    depth: Depth = Depth.NAMES,
) -> Iterator[tuple[LockedWheel, RemoteFacts]]:
    """Yield what is in each wheel, several at a time, as they come; ``failed`` gets the others."""
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
            prefetch = file.prefetch if isinstance(file, RangedFile) else _prefetch_nothing
            return read_native(filename, stream, prefetch)
        case _:
            assert_never(depth)


def _prefetch_nothing(_: int, __: int) -> None:
    """Do nothing: the whole file is here."""


@contextmanager
def _opened(wheel: LockedWheel, index: PackageIndex) -> Iterator[RangedFile | BinaryIO]:
    tail = index.part(wheel, -PIECE)
    if tail is not None:
        yield RangedFile(lambda first, last: index.part(wheel, first, last), tail)
        return
    with Path(index.fetch(wheel).path).open("rb") as stream:
        yield stream
