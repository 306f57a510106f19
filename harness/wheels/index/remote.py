"""Read the facts of index wheels with range requests, without downloading them.

The end of the file is read, which has the zip directory, and on request the native members. If
the index does not support ranges, the whole file is downloaded. Facts are cached by the
wheel's digest.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from harness.core.errors import PackageIndexError, WheelError
from harness.host.cache import Cache, content_key
from harness.host.code_key import source_key
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.partial_file import MissingRangesError, Range
from harness.wheels.facts_reader import read_part
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LockedWheel
from harness.wheels.reading_process import READING

if TYPE_CHECKING:
    from harness.wheels.index.client import ByteRange

SMALLEST_RANGE = 64 << 10
"""Bytes of the smallest request; the directory of most wheels is smaller."""

MOST_ROUNDS = 16
"""Of requests for what the reader misses: the directory, the metadata, the native members."""

ReadRange = Callable[[int, int | None], "ByteRange | None"]
"""Returns the bytes from first to last, or None if ranges are not supported."""


class Depth(StrEnum):
    """How much of a wheel is read. The values are kinds of cache entries."""

    NAMES = "listings"
    NATIVE = "natives"
    """The ELF files too."""


AT_ONCE = {Depth.NAMES: 8, Depth.NATIVE: 3}
"""Wheels that are downloaded in parallel; native members are held on disk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFacts:
    """What was read of one index wheel."""

    facts: WheelFacts
    size: int
    """Bytes of the wheel."""
    read: int
    """Bytes that were downloaded."""


_REMOTE_FACTS: TypeAdapter[RemoteFacts] = TypeAdapter(RemoteFacts)


class RangedFile:
    """A remote file whose end is known; other ranges are fetched."""

    def __init__(self, read_range: ReadRange, tail: "ByteRange") -> None:
        self._read_range = read_range
        self._tail = tail
        self.size = tail.size
        self.received = len(tail.data)
        """Bytes downloaded so far."""

    def around(self, start: int, end: int) -> tuple[int, bytes]:
        """Return bytes that include the range, and the offset of the first.

        They are fetched in one request. Raises ``PackageIndexError``.
        """
        if self._tail.first <= start:
            return self._tail.first, self._tail.data
        last = min(max(end, start + SMALLEST_RANGE), self.size) - 1
        found = self._read_range(start, last)
        if found is None or found.first != start or len(found.data) != last + 1 - start:
            raise PackageIndexError("the package index returned another range than requested")
        self.received += len(found.data)
        return start, found.data


def read_remote(wheel: LockedWheel, index: PackageIndex, cache: Cache, depth: Depth) -> RemoteFacts:
    """Return the facts of an index wheel, cached by its digest.

    Raises ``PackageIndexError`` and ``WheelError``.
    """

    def read(path: Path) -> None:
        file = _opened(wheel, index)
        facts = _read(wheel.filename, file, depth)
        size = file.size if isinstance(file, RangedFile) else file.stat().st_size
        received = file.received if isinstance(file, RangedFile) else size
        found = RemoteFacts(facts=facts, size=size, read=received)
        path.write_bytes(_REMOTE_FACTS.dump_json(found))

    key = content_key(wheel.sha256, source_key(*READING))
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


def _read(filename: str, file: RangedFile | Path, depth: Depth) -> WheelFacts:
    native = depth is Depth.NATIVE
    if isinstance(file, Path):
        return read_part(file, filename, native=native)
    with tempfile.NamedTemporaryFile(prefix="wheelgrid-") as sparse:
        sparse.truncate(file.size)
        parts: list[Range] = []
        missing = [(max(0, file.size - SMALLEST_RANGE), file.size)]
        for _ in range(MOST_ROUNDS):
            for start, end in missing:
                first, data = file.around(start, end)
                sparse.seek(first)
                sparse.write(data)
                parts.append((first, first + len(data)))
            sparse.flush()
            try:
                return read_part(Path(sparse.name), filename, native=native, parts=parts)
            except MissingRangesError as error:
                missing = error.ranges
    raise WheelError(f"{filename}: its directory is scattered over the file")


def _opened(wheel: LockedWheel, index: PackageIndex) -> RangedFile | Path:
    tail = index.read_range(wheel, -SMALLEST_RANGE)
    if tail is None:
        return Path(index.fetch(wheel).path)
    return RangedFile(lambda first, last: index.read_range(wheel, first, last), tail)
