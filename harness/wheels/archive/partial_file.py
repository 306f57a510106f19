"""A file of which only some ranges are there."""

import io
import os
from collections.abc import Sequence
from typing import BinaryIO

Range = tuple[int, int]
"""Offsets of the first byte, and of the first byte after it."""


class MissingRangesError(Exception):
    """Bytes were read that are not there."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        super().__init__(f"missing: {ranges}")
        self.ranges = list(ranges)


class PartialFile(io.RawIOBase):
    """Reads a sparse file; a read outside of ``parts`` raises ``MissingRangesError``."""

    def __init__(self, whole: BinaryIO, parts: Sequence[Range]) -> None:
        super().__init__()
        self._whole = whole
        self._parts = parts
        self._size = whole.seek(0, os.SEEK_END)
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
        self.require([(self._at, end)])
        self._whole.seek(self._at)
        self._at = end
        return self._whole.read(end - self._whole.tell())

    def require(self, ranges: Sequence[Range]) -> None:
        """Raise ``MissingRangesError`` with those of the ranges that are not in one part."""
        missing = [
            (start, end)
            for start, end in ranges
            if not any(first <= start and end <= after for first, after in self._parts)
        ]
        if missing:
            raise MissingRangesError(missing)
