"""RECORD, and what it lists."""

from collections.abc import Callable
from pathlib import Path

from harness.core.wheel_findings import FindingList
from harness.wheels.archive.contents import read_wheel
from harness.wheels.archive.record import parse_record

MakeWheel = Callable[..., bytes]
FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"


def test_parse() -> None:
    """A line is a path, an algorithm with its digest, and a size; commas may be quoted."""
    found = parse_record('"a,b",sha256=QQ,1\n\nRECORD,,\n', FindingList())
    assert found == {"a,b": 1, "RECORD": None}


def test_signature_is_not_listed(make_wheel: MakeWheel, tmp_path: Path) -> None:
    """A signature of RECORD is made after it, so RECORD need not list it."""
    path = tmp_path / FILENAME
    unlisted = {"demo-1.0.dist-info/RECORD.jws": b"signed", "new.py": b""}
    path.write_bytes(make_wheel(unlisted, record=lambda text: text.replace("new.py", "old.py")))
    named = [each.file for each in read_wheel(path).findings]
    assert named == ["new.py", "old.py"]
