"""Write reproducible wheel files.

``wheel.wheelfile`` is not used: it is private to its project and writes the time into RECORD.
"""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.wheels.archive.filename import expand_tags
from harness.wheels.archive.record import digest_fields, record_line

# The oldest date that zip supports.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComposedName:
    """The parts of a wheel's file name; its tags may be compressed sets (PEP 425)."""

    distribution: str
    version: str
    python: str
    abi: str
    platform: str

    @property
    def filename(self) -> str:
        return f"{self.distribution}-{self.version}-{self.tags}.whl"

    @property
    def tags(self) -> str:
        return f"{self.python}-{self.abi}-{self.platform}"


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelMember:
    """One file in a wheel."""

    path: str
    data: bytes
    mode: int = 0o644
    """Permissions."""


def write_wheel(
    path: Path | IO[bytes],
    name: ComposedName,
    members: Iterable[WheelMember],
    metadata: dict[str, str],
) -> None:
    """Write the wheel ``name``: sorted members, then ``.dist-info``, RECORD last.

    ``path`` may be a stream. ``metadata`` maps further ``.dist-info`` files to their text.
    """
    info = f"{name.distribution}-{name.version}.dist-info"
    described = {**metadata, "WHEEL": _wheel_text(name)}
    files = [
        *sorted(members, key=lambda member: member.path),
        *(
            WheelMember(path=f"{info}/{file}", data=text.encode())
            for file, text in sorted(described.items())
        ),
    ]
    rows = [[file.path, *digest_fields(file.data)] for file in files] + [[f"{info}/RECORD", "", ""]]
    files.append(WheelMember(path=f"{info}/RECORD", data="".join(map(record_line, rows)).encode()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(_entry(file), file.data)


def _entry(member: WheelMember) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(member.path, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix on every host: else the mode is ignored
    entry.external_attr = (0o100000 | member.mode) << 16
    return entry


def _wheel_text(name: ComposedName) -> str:
    purelib = "true" if name.platform == "any" else "false"
    lines = ["Wheel-Version: 1.0", "Generator: wheelgrid", f"Root-Is-Purelib: {purelib}"]
    return "\n".join([*lines, *(f"Tag: {tag}" for tag in expand_tags(name.tags))]) + "\n"
