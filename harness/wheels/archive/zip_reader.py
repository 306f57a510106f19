"""Open the zip archive of a wheel and check that it is safe to read.

Only the archive's directory is read. Unsafe paths, links, clashing names, zip bombs and encrypted
members are errors before any member is opened.
"""

import os
import stat
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from harness.core.errors import WheelError

MOST_MEMBERS = 50_000
MOST_BYTES = 4 << 30
MOST_RATIO = 100
"""Unpacked bytes per packed byte: deflate reaches 1032, native code about 4."""
RATIO_MATTERS_FROM = 64 << 20
"""Bytes unpacked; a small file of zeros is harmless."""

FETCH_AGAIN = "copy or download the file again"
BUILD_AGAIN = "build the wheel again with a current build backend"
DISTRUST = "do not install it, and report it to its publisher"

_SIGNATURE = b"PK\x03\x04"
_PIECE = 1 << 20
_ENCRYPTED = 0x1
_UTF8 = 0x800
_UNREADABLE = (
    BadZipFile, LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
    UnicodeDecodeError, ValueError, OverflowError, OSError,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One file of the archive."""

    name: str
    size: int
    """Bytes, unpacked."""


class Archive:
    """An open archive whose directory passed all checks."""

    def __init__(self, filename: str, zipped: ZipFile, size: int) -> None:
        self.filename = filename
        self._zip = zipped
        infos = zipped.infolist()
        check_directory(filename, infos, size)
        self._starts = sorted(info.header_offset for info in infos)
        self.members = tuple(
            Member(name=info.filename, size=info.file_size) for info in infos if not info.is_dir()
        )

    def read(self, name: str, *, at_most: int) -> bytes:
        """Return the member's bytes. Raises ``WheelError`` if damaged or above ``at_most``."""
        if self._zip.getinfo(name).file_size > at_most:
            raise WheelError(f"{self.filename}: {name} is larger than {at_most} bytes; {DISTRUST}")
        return b"".join(self.chunks(name))

    def head(self, name: str, size: int) -> bytes:
        """Return the first ``size`` bytes of a member. Raises ``WheelError`` if damaged."""
        with self._unpacking(name) as stream:
            return stream.read(size)

    def span(self, name: str) -> tuple[int, int]:
        """Return the offsets of a member's header and of the next header or the directory."""
        first = self._zip.getinfo(name).header_offset
        after = bisect_right(self._starts, first)
        return first, (*self._starts[after : after + 1], self._zip.start_dir)[0]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the member's bytes in chunks. Raises ``WheelError`` if damaged."""
        with self._unpacking(name) as stream:
            while piece := stream.read(_PIECE):
                yield piece

    @contextmanager
    def _unpacking(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with self._zip.open(name) as stream:
                yield stream
        except _UNREADABLE as error:
            raise WheelError(
                f"{self.filename}: {name} cannot be unpacked ({_text(error)}); {FETCH_AGAIN}"
            ) from error


@contextmanager
def open_archive(filename: str, stream: BinaryIO) -> Iterator[Archive]:
    """Open the wheel of that file name. Raises ``WheelError`` for an unsafe archive."""
    size = stream.seek(0, os.SEEK_END)
    try:
        zipped = ZipFile(stream)
    except _UNREADABLE as error:
        stream.seek(0)
        fault = _not_an_archive(stream.read(len(_SIGNATURE)), error)
        raise WheelError(f"{filename}: {fault}; {FETCH_AGAIN}") from error
    with zipped:
        yield Archive(filename, zipped, size)


def _not_an_archive(start: bytes, error: Exception) -> str:
    if not start:
        return "the file is empty"
    if start != _SIGNATURE:
        return f"this is no zip archive: it begins with {start!r}"
    return f"the archive is cut short or damaged ({_text(error)})"


def _text(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def check_directory(filename: str, infos: list[ZipInfo], packed: int) -> None:
    """Check the directory of an archive of ``packed`` bytes.

    Raises ``WheelError`` with the first fault found.
    """
    fault = _totals_fault(infos, packed)
    for info in infos:
        fault = fault or _path_fault(info) or _kind_fault(info)
    fault = fault or _clash([info.filename for info in infos])
    if fault:
        raise WheelError(f"{filename}: {fault}")


def _totals_fault(infos: list[ZipInfo], packed: int) -> str:
    total = sum(info.file_size for info in infos)
    if len(infos) > MOST_MEMBERS:
        return f"{len(infos)} members; the limit is {MOST_MEMBERS}; {DISTRUST}"
    bomb = total > RATIO_MATTERS_FROM and total > MOST_RATIO * packed
    if bomb or total > MOST_BYTES:
        return f"{packed} bytes that unpack to {total}: a zip bomb; {DISTRUST}"
    return ""


def _path_fault(info: ZipInfo) -> str:
    name = info.orig_filename
    if not info.flag_bits & _UTF8 and not name.isascii():
        return f"the name of member {name!r} is not marked as UTF-8; {BUILD_AGAIN}"
    if not name.isprintable():
        return f"the name of member {name!r} holds control characters; {DISTRUST}"
    if "\\" in name:
        return f"the name of member {name!r} holds a backslash; {BUILD_AGAIN}"
    if name.startswith("/") or name[1:2] == ":":
        return f"member {name!r} has an absolute path; {DISTRUST}"
    parts = name.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        return f"member {name!r} leads out of the root; {DISTRUST}"
    return ""


def _kind_fault(info: ZipInfo) -> str:
    mode = info.external_attr >> 16
    if info.flag_bits & _ENCRYPTED:
        return f"member {info.filename!r} is encrypted; {BUILD_AGAIN}"
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return (
            f"member {info.filename!r} is compressed by method {info.compress_type}, "
            f"and installers know only stored and deflated; {BUILD_AGAIN}"
        )
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "neither a file nor a directory"
        return f"member {info.filename!r} is {kind}; {DISTRUST}"
    return ""


def _clash(names: list[str]) -> str:
    """Return the first clash of names, also on file systems that ignore case."""
    seen: dict[str, str] = {}
    for name in names:
        key = name.removesuffix("/").casefold()
        if seen.get(key) == name:
            return f"member {name!r} is there twice; {BUILD_AGAIN}"
        if key in seen:
            return f"members {seen[key]!r} and {name!r} differ in case only; {BUILD_AGAIN}"
        seen[key] = name
    parents = {key[:at] for key in seen for at, letter in enumerate(key) if letter == "/"}
    for key, name in seen.items():
        if key in parents and not name.endswith("/"):
            return f"member {name!r} is a file and has members below it; {DISTRUST}"
    return ""
