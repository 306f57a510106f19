"""Rewrite a wheel with other member names or tags, and update RECORD and WHEEL.

Everything else is kept: order, times, modes, compression methods, other members' bytes and other
lines of RECORD. All members are packed again, so that equal contents give equal bytes.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from harness.core.errors import WheelError
from harness.wheels.archive.filename import WheelName, expand_tags, parse_wheel_name
from harness.wheels.archive.metadata import find_dist_info
from harness.wheels.archive.record import SIGNATURES, digest_fields, record_line
from harness.wheels.archive.zip_reader import MOST_BYTES, Archive, open_sound_archive


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelChange:
    """New member names and tags for a wheel."""

    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Members and their new names, which include the old name to keep it."""
    tags: str = ""
    """The new tags, compressed as in a file name: ``cp39-abi3-musllinux_1_1_x86_64``."""

    def __bool__(self) -> bool:
        return bool(self.names or self.tags)


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelBytes:
    """A wheel file in memory."""

    filename: str
    data: bytes


def rewrite_wheel(wheel: WheelBytes, change: WheelChange) -> WheelBytes:
    """Return the changed wheel.

    Raises ``WheelError`` for a malformed wheel, for a signed one, and for a new name that
    another member has.
    """
    with open_sound_archive(wheel.filename, io.BytesIO(wheel.data)) as archive:
        return _Rewriting(wheel, archive, change).result()


def retagged(name: WheelName, tags: str) -> str:
    """Return the file name with these tags."""
    return f"{name.filename.removesuffix(f'-{name.tag_part}.whl')}-{tags}.whl"


class _Rewriting:
    """Applies one change to one wheel."""

    def __init__(self, wheel: WheelBytes, archive: Archive, change: WheelChange) -> None:
        self._wheel = wheel
        self._archive = archive
        self._change = change
        self._names = dict(change.names)
        self._name = parse_wheel_name(wheel.filename)
        self._info = find_dist_info(archive, self._name)
        archive.require_sound()
        self._check()

    def result(self) -> WheelBytes:
        out = io.BytesIO()
        with ZipFile(io.BytesIO(self._wheel.data)) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
            for entry in old.infolist():
                data = b"" if entry.is_dir() else self._content(entry.filename)
                for name in self._names.get(entry.filename, (entry.filename,)):
                    new.writestr(_entry_like(entry, name), data)
        tags = self._change.tags
        filename = retagged(self._name, tags) if tags else self._name.filename
        return WheelBytes(filename=filename, data=out.getvalue())

    def _check(self) -> None:
        members = {member.name for member in self._archive.members}
        signed = [name for name in SIGNATURES if f"{self._info}/{name}" in members]
        if signed:
            raise WheelError(
                f"{self._name.filename}: it is signed ({signed[0]}), and a change would make the "
                "signature invalid; use an unsigned wheel"
            )
        kept = members - self._names.keys()
        wanted = [name for names in self._names.values() for name in names]
        for name in wanted:
            if name in kept or wanted.count(name) > 1:
                raise WheelError(
                    f"{self._name.filename}: two members would be called {name}; "
                    "choose another remedy"
                )

    def _content(self, member: str) -> bytes:
        data = self._archive.read(member, at_most=MOST_BYTES)
        if member == f"{self._info}/RECORD":
            return "".join(self._record_lines(data.decode("utf-8", "surrogateescape"))).encode(
                "utf-8", "surrogateescape"
            )
        if member == f"{self._info}/WHEEL" and self._change.tags:
            return _with_tags(data, expand_tags(self._change.tags))
        return data

    def _record_lines(self, text: str) -> Iterator[str]:
        for line in text.splitlines(keepends=True):
            name, *rest = next(csv.reader([line])) or [""]
            if name == f"{self._info}/WHEEL" and self._change.tags:
                rest = digest_fields(self._content(name))
            elif name not in self._names:
                yield line
                continue
            end = line[len(line.rstrip("\r\n")) :]
            for new in self._names.get(name, (name,)):
                yield record_line([new, *rest], end=end)


def _entry_like(entry: ZipInfo, name: str) -> ZipInfo:
    """Return a copy of the entry's attributes under another name."""
    new = ZipInfo(name, date_time=entry.date_time)
    new.compress_type = entry.compress_type
    new.create_system = entry.create_system
    new.external_attr = entry.external_attr
    return new


def _with_tags(wheel: bytes, tags: tuple[str, ...]) -> bytes:
    """Return the text of WHEEL with its Tag lines replaced."""
    lines = wheel.splitlines(keepends=True)
    is_tag = [line.lower().startswith(b"tag:") for line in lines]
    end = b"\r\n" if wheel.count(b"\r\n") else b"\n"
    first = is_tag.index(True) if True in is_tag else len(lines)
    kept = [line for line, tagged in zip(lines, is_tag, strict=True) if not tagged]
    return b"".join([*kept[:first], *(f"Tag: {tag}".encode() + end for tag in tags), *kept[first:]])


def bytes_added(before: WheelBytes, after: WheelBytes) -> int:
    """Return by how many bytes a wheel grows.

    The old wheel is packed again first: its builder may have compressed it better.
    """
    return len(after.data) - len(rewrite_wheel(before, WheelChange()).data)
