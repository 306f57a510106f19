"""Open the zip archive of a wheel; collect what is unusual or unsafe about it.

Reading is bounded, and no member is ever written to disk.
"""

import io
import os
import stat
import unicodedata
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from harness.core.errors import WheelError
from harness.core.wheel_findings import FindingCode, FindingList

MOST_MEMBERS = 50_000
MOST_DIRECTORY = 16 << 20
"""Bytes of the archive's directory, which ``zipfile`` reads as a whole."""
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


class LargeDirectoryError(WheelError):
    """The archive's directory is too large to be read here; an installer may read it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One file of the archive."""

    name: str
    size: int
    """Bytes, unpacked."""


class Archive:
    """An open archive. Of members with the same name, the last one counts, as in ``zipfile``."""

    def __init__(self, filename: str, zipped: ZipFile, size: int) -> None:
        self.filename = filename
        self.findings = FindingList()
        self._zip = zipped
        infos = zipped.infolist()
        self.oversized = bool(fault := _totals_fault(infos, size))
        """Whether it may be a zip bomb: its members are not unpacked without need."""
        if self.oversized:
            self.findings.add(FindingCode.TOO_LARGE, "", fault)
        infos = infos[-MOST_MEMBERS:]
        _inspect(infos, self.findings)
        self._starts = sorted(info.header_offset for info in infos)
        # An empty name fails in is_dir().
        last = {info.filename: info for info in infos if info.filename and not info.is_dir()}
        self.members = tuple(Member(name=name, size=i.file_size) for name, i in last.items())

    def require_sound(self) -> None:
        """Raise ``WheelError`` with the first finding, if there is one."""
        if found := self.findings.found():
            where = f"{found[0].file}: " if found[0].file else ""
            fault = found[0].message.removesuffix(".")
            raise WheelError(f"{self.filename}: {where}{fault}; {BUILD_AGAIN}")

    def read(self, name: str, *, at_most: int) -> bytes:
        """Return the member's bytes.

        Adds a finding and raises ``WheelError`` if it is damaged or larger than ``at_most``.
        """
        if self._zip.getinfo(name).file_size > at_most:
            fault = f"It has more than {at_most} bytes and is not read."
            self.findings.add(FindingCode.TOO_LARGE, name, fault)
            raise WheelError(f"{self.filename}: {name} is larger than {at_most} bytes; {DISTRUST}")
        content = io.BytesIO()  # in contrast to a join, it holds the bytes once
        for piece in self.chunks(name):
            content.write(piece)
        return content.getvalue()

    def is_executable(self, name: str) -> bool:
        """Return whether an installer makes the member executable, as pip does."""
        mode = self._zip.getinfo(name).external_attr >> 16
        return stat.S_ISREG(mode) and bool(mode & 0o111)

    def head(self, name: str, size: int) -> bytes:
        """Return the first ``size`` bytes of a member. Raises as ``read``."""
        with self._unpacking(name) as stream:
            return stream.read(size)

    def span(self, name: str) -> tuple[int, int]:
        """Return the offsets of a member's header and of the next header or the directory."""
        first = self._zip.getinfo(name).header_offset
        after = bisect_right(self._starts, first)
        return first, (*self._starts[after : after + 1], self._zip.start_dir)[0]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the member's bytes in chunks. Raises as ``read``."""
        with self._unpacking(name) as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def check(self, name: str) -> None:
        """Unpack a member and compare its checksum. Raises as ``read``."""
        for _ in self.chunks(name):
            pass

    @contextmanager
    def _unpacking(self, name: str) -> Iterator[IO[bytes]]:
        info = self._zip.getinfo(name)
        if _is_encrypted(info) or not _is_usual(info):  # lzma could need any amount of memory
            raise WheelError(f"{self.filename}: {name} is encrypted or of an unusual compression")
        try:
            with self._zip.open(name) as stream:
                yield stream
        except _UNREADABLE as error:
            fault = f"It cannot be unpacked ({_text(error)})."
            self.findings.add(FindingCode.CORRUPT_MEMBER, name, fault)
            raise WheelError(
                f"{self.filename}: {name} cannot be unpacked ({_text(error)}); {FETCH_AGAIN}"
            ) from error


class _SmallReads:
    """A seekable stream that refuses to read more than ``MOST_DIRECTORY`` bytes in one call."""

    def __init__(self, filename: str, stream: BinaryIO) -> None:
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable
        self._filename = filename
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if size > MOST_DIRECTORY:
            raise LargeDirectoryError(
                f"{self._filename}: the directory of the archive has {size} bytes, and at most "
                f"{MOST_DIRECTORY} are read; {DISTRUST}"
            )
        return self._stream.read(size)


@contextmanager
def open_archive(filename: str, stream: BinaryIO) -> Iterator[Archive]:
    """Open the wheel of that file name. Raises ``WheelError`` for a file that is no archive."""
    size = stream.seek(0, os.SEEK_END)
    try:
        zipped = ZipFile(_SmallReads(filename, stream))
    except _UNREADABLE as error:
        stream.seek(0)
        fault = _not_an_archive(stream.read(len(_SIGNATURE)), error)
        raise WheelError(f"{filename}: {fault}; {FETCH_AGAIN}") from error
    with zipped:
        yield Archive(filename, zipped, size)


@contextmanager
def open_sound_archive(filename: str, stream: BinaryIO) -> Iterator[Archive]:
    """Open a wheel whose members are to be copied. Raises ``WheelError`` for any finding."""
    with open_archive(filename, stream) as archive:
        archive.require_sound()
        yield archive


def _not_an_archive(start: bytes, error: Exception) -> str:
    if not start:
        return "the file is empty"
    if start != _SIGNATURE:
        return f"this is no zip archive: it begins with {start!r}"
    return f"the archive is cut short or damaged ({_text(error)})"


def _text(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def _totals_fault(infos: list[ZipInfo], packed: int) -> str:
    total = sum(info.file_size for info in infos)
    if len(infos) > MOST_MEMBERS:
        return f"It has {len(infos)} members; the limit is {MOST_MEMBERS}."
    bomb = total > RATIO_MATTERS_FROM and total > MOST_RATIO * packed
    if bomb or total > MOST_BYTES:
        return f"Its {packed} bytes unpack to {total}: a zip bomb."
    return ""


def _inspect(infos: list[ZipInfo], findings: FindingList) -> None:
    """Add findings about the names and kinds of members."""
    for info in infos:
        for code, fault in (*_path_faults(info), *_kind_faults(info)):
            findings.add(code, info.orig_filename, fault)
    _add_clashes([info.filename for info in infos], findings)


def _path_faults(info: ZipInfo) -> Iterator[tuple[FindingCode, str]]:
    name = info.orig_filename
    if not info.flag_bits & _UTF8 and not name.isascii():
        yield FindingCode.ODD_NAME, "Its name is not marked as UTF-8."
    elif not name.isprintable():
        yield FindingCode.ODD_NAME, "Its name holds control characters."
    elif "\\" in name:
        yield FindingCode.ODD_NAME, "Its name holds a backslash."
    parts = name.removesuffix("/").split("/")
    if name.startswith("/"):
        yield FindingCode.PATH_OUTSIDE, "It has an absolute path."
    elif ".." in parts:
        yield FindingCode.PATH_OUTSIDE, "Its path leads out of the root."
    elif "" in parts or "." in parts or name[1:2] == ":":
        yield FindingCode.ODD_NAME, "Its path is not in normal form."


def _kind_faults(info: ZipInfo) -> Iterator[tuple[FindingCode, str]]:
    mode = info.external_attr >> 16
    if _is_encrypted(info):
        yield FindingCode.ENCRYPTED_MEMBER, "It is encrypted."
    if not _is_usual(info):
        fault = f"It is compressed by method {info.compress_type}, neither stored nor deflated."
        yield FindingCode.UNUSUAL_COMPRESSION, fault
    if stat.S_ISLNK(mode):
        yield FindingCode.SPECIAL_MEMBER, "It is a symbolic link."
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield FindingCode.SPECIAL_MEMBER, "It is neither a file nor a directory."


def _is_encrypted(info: ZipInfo) -> bool:
    return bool(info.flag_bits & _ENCRYPTED)


def _is_usual(info: ZipInfo) -> bool:
    return info.compress_type in (ZIP_STORED, ZIP_DEFLATED)


def _add_clashes(names: list[str], findings: FindingList) -> None:
    """Add findings about clashes of names, also on file systems that ignore case."""
    seen: dict[str, str] = {}
    for name in names:
        # Some file systems ignore case and the form of a character (NFC, NFD).
        key = unicodedata.normalize("NFC", name.removesuffix("/")).casefold()
        if seen.get(key) == name:
            fault = "It is in the archive twice; the last one counts."
            findings.add(FindingCode.DUPLICATE_MEMBER, name, fault)
        elif key in seen:
            same = seen[key].casefold() == name.casefold()
            what = "case" if same else "the Unicode form of its characters"
            fault = f"Its name differs from {seen[key]} in {what} only."
            findings.add(FindingCode.CASE_CLASH, name, fault)
        seen[key] = name
    exact, folded = sorted(names), sorted(seen)
    for key, name in seen.items():
        if name.endswith("/"):
            continue
        if _has_below(name, exact):
            fault = "It is a file and has members below it."
            findings.add(FindingCode.FILE_AND_FOLDER, name, fault)
        elif _has_below(key, folded):
            fault = "Its name differs from that of a folder in case only."
            findings.add(FindingCode.CASE_CLASH, name, fault)


def _has_below(folder: str, names: list[str]) -> bool:
    """Whether one of the sorted names begins with ``folder`` and a slash."""
    start = f"{folder}/"
    after = bisect_left(names, start)
    return after < len(names) and names[after].startswith(start)
