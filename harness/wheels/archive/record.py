"""Read and write RECORD, and check a wheel's members against it.

Source: "Recording installed projects" and "Binary distribution format" specifications.
"""

import base64
import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.core.errors import WheelError
from harness.wheels.archive.zip_reader import BUILD_AGAIN, FETCH_AGAIN, Archive, Member

SIGNATURES = ("RECORD.jws", "RECORD.p7s")
STRONG = ("sha256", "sha384", "sha512")
_FIELDS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordEntry:
    """One line of RECORD."""

    name: str
    algorithm: str = ""
    digest: str = ""
    """URL-safe base64 without padding."""
    size: int | None = None


def parse_record(filename: str, text: str) -> tuple[RecordEntry, ...]:
    """Parse the text of RECORD. Raises ``WheelError`` for a malformed line."""
    return tuple(_parse_row(filename, row) for row in _rows(filename, text) if row)


def _rows(filename: str, text: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(text.splitlines(), strict=True)
    except csv.Error as error:
        raise WheelError(f"{filename}: RECORD is no CSV ({error}); {BUILD_AGAIN}") from error


def _parse_row(filename: str, row: Sequence[str]) -> RecordEntry:
    if len(row) != _FIELDS or not (row[2] == "" or row[2].isdecimal()):
        raise WheelError(
            f"{filename}: RECORD has the line {','.join(row)!r}, which is not "
            f"PATH,ALGORITHM=DIGEST,SIZE; {BUILD_AGAIN}"
        )
    algorithm, _, digest = row[1].partition("=")
    size = int(row[2]) if row[2] else None
    return RecordEntry(name=row[0], algorithm=algorithm, digest=digest, size=size)


def check_listing(filename: str, members: Sequence[Member], entries: Sequence[RecordEntry]) -> None:
    """Compare the members' names and sizes with RECORD. Raises ``WheelError``."""
    sizes = {member.name: member.size for member in members}
    listed = {entry.name: entry for entry in entries}
    for name in sizes:
        if name not in listed and PurePosixPath(name).name not in SIGNATURES:
            raise WheelError(f"{filename}: RECORD does not list {name}; {BUILD_AGAIN}")
    for name, entry in listed.items():
        if name not in sizes:
            raise WheelError(f"{filename}: RECORD lists {name}, which is missing; {BUILD_AGAIN}")
        if entry.size not in (None, sizes[name]):
            raise WheelError(
                f"{filename}: {name} has {sizes[name]} bytes where RECORD says {entry.size}; "
                f"{FETCH_AGAIN}"
            )


def check_digests(archive: Archive, entries: Sequence[RecordEntry]) -> None:
    """Compare every member's bytes with its digest in RECORD. Raises ``WheelError``."""
    for entry in entries:
        if not _is_record(entry.name):
            _check_digest(archive, entry)


def digest_fields(data: bytes) -> list[str]:
    """Return the fields of a RECORD line that follow the path: digest and size."""
    return [f"sha256={_encoded(hashlib.sha256(data).digest())}", str(len(data))]


def record_line(fields: Iterable[str], end: str = "\n") -> str:
    """Return one line of RECORD."""
    line = io.StringIO()
    csv.writer(line, lineterminator=end).writerow(fields)
    return line.getvalue()


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _check_digest(archive: Archive, entry: RecordEntry) -> None:
    if entry.algorithm not in STRONG:
        raise WheelError(
            f"{archive.filename}: RECORD gives {entry.name} no digest by {', '.join(STRONG)}; "
            f"{BUILD_AGAIN}"
        )
    digest = hashlib.new(entry.algorithm)
    for piece in archive.chunks(entry.name):
        digest.update(piece)
    found = _encoded(digest.digest())
    if found != entry.digest:
        raise WheelError(
            f"{archive.filename}: {entry.name} differs from RECORD: its {entry.algorithm} is "
            f"{found}, not {entry.digest}; {FETCH_AGAIN}"
        )


def _is_record(name: str) -> bool:
    path = PurePosixPath(name)
    # A signature is made after RECORD, which cannot list its digest.
    return path.name in ("RECORD", *SIGNATURES) and path.parent.suffix == ".dist-info"
