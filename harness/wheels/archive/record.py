"""Read and write RECORD, and compare a wheel's members with it.

Source: "Recording installed projects" and "Binary distribution format" specifications.
"""

import base64
import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import PurePosixPath

from harness.core.wheel_findings import FindingCode, FindingList
from harness.wheels.archive.zip_reader import MOST_MEMBERS, Member

SIGNATURES = ("RECORD.jws", "RECORD.p7s")
MOST_LINES = 2 * MOST_MEMBERS
_FIELDS = 3
_DIGITS = 20


def parse_record(text: str, findings: FindingList) -> dict[str, int | None]:
    """Return the path and the size of each line of RECORD; malformed lines are left out."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    sizes = {}
    try:
        for row in islice(filter(None, rows), MOST_LINES):
            if len(row) == _FIELDS:
                sizes[row[0]] = _size(row[0], row[2], findings)
            else:
                fault = "Its line in RECORD is not PATH,ALGORITHM=DIGEST,SIZE."
                findings.add(FindingCode.BAD_RECORD, row[0], fault)
    except csv.Error as error:
        findings.add(FindingCode.BAD_RECORD, "RECORD", f"It is no CSV ({error}).")
    return sizes


def _size(name: str, text: str, findings: FindingList) -> int | None:
    if len(text) <= _DIGITS and text.isdecimal():
        return int(text)
    if text:
        findings.add(FindingCode.BAD_RECORD_SIZE, name, f"RECORD gives it the size {_start(text)}.")
    return None


def _start(text: str) -> str:
    return f"{text[:20]}…" if len(text) > _DIGITS else text


def check_listing(
    members: Sequence[Member], recorded: Mapping[str, int | None], findings: FindingList
) -> None:
    """Compare the members' names and sizes with RECORD."""
    sizes = {member.name: member.size for member in members}
    for name in sizes:
        if name not in recorded and PurePosixPath(name).name not in SIGNATURES:
            findings.add(FindingCode.UNRECORDED_FILE, name, "RECORD does not list it.")
    for name, size in recorded.items():
        if name not in sizes:
            fault = "RECORD lists it, and it is missing."
            findings.add(FindingCode.RECORDED_FILE_MISSING, name, fault)
        elif size not in (None, sizes[name]):
            fault = f"It has {sizes[name]} bytes where RECORD says {size}."
            findings.add(FindingCode.SIZE_DIFFERS, name, fault)


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
