"""Read and write RECORD, and check a wheel's members against it.

Source: "Recording installed projects" and "Binary distribution format" specifications.
"""

import base64
import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from harness.core.errors import WheelError
from harness.core.wheel_findings import FindingCode, FindingList
from harness.wheels.archive.zip_reader import (
    BUILD_AGAIN,
    FETCH_AGAIN,
    MOST_MEMBERS,
    Archive,
    Member,
)

SIGNATURES = ("RECORD.jws", "RECORD.p7s")
STRONG = ("sha256", "sha384", "sha512")
MOST_LINES = 2 * MOST_MEMBERS
_FIELDS = 3
_DIGITS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordEntry:
    """One line of RECORD."""

    name: str
    algorithm: str = ""
    digest: str = ""
    """URL-safe base64 without padding."""
    size: int | None = None


def parse_record(text: str, findings: FindingList) -> tuple[RecordEntry, ...]:
    """Parse the text of RECORD, without its malformed lines."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    entries = []
    try:
        for row in islice(filter(None, rows), MOST_LINES):
            if len(row) == _FIELDS:
                entries.append(_parse_row(row, findings))
            else:
                fault = "Its line in RECORD is not PATH,ALGORITHM=DIGEST,SIZE."
                findings.add(FindingCode.BAD_RECORD, row[0], fault)
    except csv.Error as error:
        findings.add(FindingCode.BAD_RECORD, "RECORD", f"It is no CSV ({error}).")
    return tuple(entries)


def _parse_row(row: Sequence[str], findings: FindingList) -> RecordEntry:
    algorithm, _, digest = row[1].partition("=")
    size = None
    if len(row[2]) <= _DIGITS and row[2].isdecimal():
        size = int(row[2])
    elif row[2]:
        fault = f"RECORD gives it the size {_start(row[2])}."
        findings.add(FindingCode.BAD_RECORD_SIZE, row[0], fault)
    return RecordEntry(name=row[0], algorithm=algorithm, digest=digest, size=size)


def _start(text: str) -> str:
    return f"{text[:20]}…" if len(text) > _DIGITS else text


def check_listing(
    members: Sequence[Member], entries: Sequence[RecordEntry], findings: FindingList
) -> None:
    """Compare the members' names and sizes with RECORD."""
    sizes = {member.name: member.size for member in members}
    listed = {entry.name: entry for entry in entries}
    for name in sizes:
        if name not in listed and PurePosixPath(name).name not in SIGNATURES:
            findings.add(FindingCode.UNRECORDED_FILE, name, "RECORD does not list it.")
    for name, entry in listed.items():
        if name not in sizes:
            fault = "RECORD lists it, and it is missing."
            findings.add(FindingCode.RECORDED_FILE_MISSING, name, fault)
        elif entry.size not in (None, sizes[name]):
            fault = f"It has {sizes[name]} bytes where RECORD says {entry.size}."
            findings.add(FindingCode.SIZE_DIFFERS, name, fault)


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
