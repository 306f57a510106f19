"""Wheels looked into where they lie: wheels of the index in, what their names tell out.

Read are the ends of the files, where a zip archive has its directory; the whole file where the
index gives no parts. What was read is kept by the wheel's digest, so that a second look, or one
that was interrupted, asks for nothing twice.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import cast

from pydantic import TypeAdapter

from harness.cache import Cache
from harness.errors import PackageIndexError, WheelError
from harness.index.client import Part
from harness.index.fetch import PackageIndex
from harness.index.lock import LockedWheel
from harness.wheel.contents import WheelFacts
from harness.wheel.listing import read_listing

AT_ONCE = 8
PIECE = 64 << 10
"""Bytes of the smallest part that is asked for; the directory of most wheels is smaller."""
_KIND = "listings-1"
"""Of cache entries; counts up with what is read of a wheel."""
_FACTS: TypeAdapter[WheelFacts] = TypeAdapter(WheelFacts)

ReadPart = Callable[[int, int | None], Part | None]
"""First and last byte to those bytes; None where there are no parts."""


class RangedFile(io.RawIOBase):
    """A file that is read in parts: as many as somebody asks for, each once."""

    def __init__(self, read_part: ReadPart, tail: Part) -> None:
        super().__init__()
        self._read_part = read_part
        self._parts = [tail]
        self._size = tail.size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._at + size, self._size)
        if self._at >= end:
            return b""
        part = self._covering(self._at, end)
        data = part.data[self._at - part.first : end - part.first]
        self._at = end
        return data

    def _covering(self, start: int, end: int) -> Part:
        for part in self._parts:
            if part.first <= start and end <= part.first + len(part.data):
                return part
        last = min(max(end, start + PIECE), self._size) - 1
        found = self._read_part(start, last)
        if found is None or found.first != start or len(found.data) != last + 1 - start:
            raise OSError("the package index gave another part than was asked for")
        self._parts.append(found)
        return found


def read_remote(wheel: LockedWheel, index: PackageIndex, cache: Cache) -> WheelFacts:
    """Return what the directory of a wheel of the index tells, kept by its digest.

    Raises ``PackageIndexError`` and ``WheelError``.
    """

    def look(path: Path) -> None:
        with _opened(wheel, index) as stream:
            facts = read_listing(wheel.filename, cast("io.BufferedReader", stream))
        path.write_bytes(_FACTS.dump_json(facts))

    entry = cache.get(_KIND, f"{wheel.sha256}.json", look)
    return _FACTS.validate_json(entry.read_bytes())


def read_all(
    wheels: Iterable[LockedWheel],
    index: PackageIndex,
    cache: Cache,
    failed: Callable[[LockedWheel, Exception], None],
) -> Iterator[tuple[LockedWheel, WheelFacts]]:
    """Yield what is in each wheel, several at a time, as they come; ``failed`` gets the others."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="wheels")
    try:
        waiting = {pool.submit(read_remote, wheel, index, cache): wheel for wheel in wheels}
        for done in as_completed(waiting):
            try:
                yield waiting[done], done.result()
            except (PackageIndexError, WheelError) as error:
                failed(waiting[done], error)
    finally:
        pool.shutdown(cancel_futures=True)


def _opened(wheel: LockedWheel, index: PackageIndex) -> io.IOBase:
    tail = index.part(wheel, -PIECE)
    if tail is None:
        return Path(index.fetch(wheel).path).open("rb")
    return RangedFile(lambda first, last: index.part(wheel, first, last), tail)
