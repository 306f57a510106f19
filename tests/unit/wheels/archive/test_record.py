"""RECORD, and the check of members against it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.errors import WheelError
from harness.core.wheel_findings import FindingList
from harness.wheels.archive.contents import verify_record
from harness.wheels.archive.record import RecordEntry, parse_record
from harness.wheels.archive.zip_reader import BUILD_AGAIN, FETCH_AGAIN

MakeWheel = Callable[..., bytes]
FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"


def test_parse() -> None:
    """A line is a path, an algorithm with its digest, and a size; commas may be quoted."""
    assert parse_record('"a,b",sha256=QQ,1\n\nRECORD,,\n', FindingList()) == (
        RecordEntry(name="a,b", algorithm="sha256", digest="QQ", size=1),
        RecordEntry(name="RECORD"),
    )


def drop_first(record: str) -> str:
    return record.partition("\n")[2]


def test_signature_is_not_listed(make_wheel: MakeWheel, tmp_path: Path) -> None:
    """A signature of RECORD is made after it, so RECORD need not list it."""
    path = tmp_path / FILENAME
    signed = {"demo-1.0.dist-info/RECORD.jws": b"signed"}
    path.write_bytes(make_wheel(signed, record=drop_first))
    verify_record(path)


def test_digests_agree(make_wheel: MakeWheel, tmp_path: Path) -> None:
    """A wheel that agrees with its RECORD passes."""
    path = tmp_path / FILENAME
    path.write_bytes(make_wheel())
    verify_record(path)


def test_defective_record_does_not_verify(make_wheel: MakeWheel, tmp_path: Path) -> None:
    """A finding of the reader is an error of the verification."""
    path = tmp_path / FILENAME
    path.write_bytes(make_wheel(record=drop_first))
    with pytest.raises(WheelError) as caught:
        verify_record(path)
    assert str(caught.value) == (f"{FILENAME}: demo.py: RECORD does not list it; {BUILD_AGAIN}")


def test_digest_differs(make_wheel: MakeWheel, tmp_path: Path) -> None:
    """A member with another digest than RECORD's is named with both digests."""
    path = tmp_path / FILENAME
    digest = "nTyhlvCYeFiTKEbz5Dd2A-T9dcZb0JLcU7v4YqwQ1Zg"
    path.write_bytes(
        make_wheel(record=lambda text: re.sub("(?<=demo.py,sha256=)[^,]+", digest, text))
    )
    with pytest.raises(WheelError) as caught:
        verify_record(path)
    fault = str(caught.value).removeprefix(f"{FILENAME}: ")
    assert fault.startswith("demo.py differs from RECORD: its sha256 is ")
    assert fault.endswith(f", not {digest}; {FETCH_AGAIN}")


@pytest.mark.parametrize("algorithm", ["md5", ""])
def test_weak_digest(make_wheel: MakeWheel, tmp_path: Path, algorithm: str) -> None:
    """A digest weaker than sha256 is an error."""
    path = tmp_path / FILENAME
    path.write_bytes(make_wheel(record=lambda text: text.replace("sha256", algorithm, 1)))
    with pytest.raises(WheelError) as caught:
        verify_record(path)
    assert str(caught.value) == (
        f"{FILENAME}: RECORD gives demo.py no digest by sha256, sha384, sha512; {BUILD_AGAIN}"
    )
