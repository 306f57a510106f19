"""A wheel with other names or tags, well-formed again: its bytes and a change in, bytes out.

What a change does not name stays as it is: order, times, modes, the way of compression, every
other member's bytes, every other line of RECORD. Packing is done anew, so that the same
contents give the same bytes.
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
from harness.wheels.archive.zip_reader import MOST_BYTES, Archive, open_archive


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelChange:
    """What is to be different in a wheel."""

    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Members and the names they get, their own among them where they keep it."""
    tags: str = ""
    """The new tags, compressed as a file name has them: ``cp39-abi3-musllinux_1_1_x86_64``."""

    def __bool__(self) -> bool:
        return bool(self.names or self.tags)


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelBytes:
    """A wheel file that is nowhere yet."""

    filename: str
    data: bytes


def rewrite_wheel(wheel: WheelBytes, change: WheelChange) -> WheelBytes:
    """Return the wheel with that change.

    Raises ``WheelError`` for what is no well-formed wheel, for one that is signed, and for a
    new name that another member has.
    """
    with open_archive(wheel.filename, io.BytesIO(wheel.data)) as archive:
        return _Rewriting(wheel, archive, change).done()


def retagged(name: WheelName, tags: str) -> str:
    """Return the file name with these tags instead of its own."""
    return f"{name.filename.removesuffix(f'-{name.tag_part}.whl')}-{tags}.whl"


class _Rewriting:
    """One wheel on its way from old to new."""

    def __init__(self, wheel: WheelBytes, archive: Archive, change: WheelChange) -> None:
        self._wheel = wheel
        self._archive = archive
        self._change = change
        self._names = dict(change.names)
        self._name = parse_wheel_name(wheel.filename)
        self._info = find_dist_info(archive, self._name)
        self._check()

    def done(self) -> WheelBytes:
        out = io.BytesIO()
        with (
            ZipFile(io.BytesIO(self._wheel.data)) as old,
            ZipFile(out, "w", ZIP_DEFLATED) as new,
        ):
            for entry in old.infolist():
                data = b"" if entry.is_dir() else self._content(entry.filename)
                for name in self._names.get(entry.filename, (entry.filename,)):
                    new.writestr(_entry_like(entry, name), data)
        tags = self._change.tags
        filename = retagged(self._name, tags) if tags else self._name.filename
        return WheelBytes(filename=filename, data=out.getvalue())

    def _check(self) -> None:
        here = {member.name for member in self._archive.members}
        signed = [name for name in SIGNATURES if f"{self._info}/{name}" in here]
        if signed:
            raise WheelError(
                f"{self._name.filename}: it is signed ({signed[0]}), and what is changed is no "
                "longer what was signed; take a wheel without signature"
            )
        kept = here - self._names.keys()
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
    """Return what the archive says of a member, for a member of another name."""
    new = ZipInfo(name, date_time=entry.date_time)
    new.compress_type = entry.compress_type
    new.create_system = entry.create_system
    new.external_attr = entry.external_attr
    return new


def _with_tags(wheel: bytes, tags: tuple[str, ...]) -> bytes:
    """Return the text of WHEEL with these tags where its own stood first."""
    lines = wheel.splitlines(keepends=True)
    is_tag = [line.lower().startswith(b"tag:") for line in lines]
    end = b"\r\n" if wheel.count(b"\r\n") else b"\n"
    first = is_tag.index(True) if True in is_tag else len(lines)
    kept = [line for line, tagged in zip(lines, is_tag, strict=True) if not tagged]
    return b"".join([*kept[:first], *(f"Tag: {tag}".encode() + end for tag in tags), *kept[first:]])


def bytes_added(before: WheelBytes, after: WheelBytes) -> int:
    """Return by how many bytes a wheel grows, packed by the same hand.

    The one before is packed anew: whoever built it may have packed it tighter.
    """
    return len(after.data) - len(rewrite_wheel(before, WheelChange()).data)
