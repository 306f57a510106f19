"""Archives: what cannot be opened, what is too large, and damaged members."""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping

import pytest

from harness.core.errors import WheelError
from harness.core.wheel_findings import FindingCode
from harness.wheels.archive import zip_reader
from harness.wheels.archive.zip_reader import DISTRUST, FETCH_AGAIN, open_archive

MakeArchive = Callable[[Mapping[str, bytes]], bytes]
NAME = "demo.whl"
CENTRAL = b"PK\x01\x02"


def fault_of(data: bytes) -> str:
    with pytest.raises(WheelError) as caught, open_archive(NAME, io.BytesIO(data)):
        pass
    assert str(caught.value).startswith(f"{NAME}: ")
    return str(caught.value).removeprefix(f"{NAME}: ")


def archive_of(*infos: zipfile.ZipInfo, data: bytes = b"x") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        for info in infos:
            zipped.writestr(info, data)
    return stream.getvalue()


def named(name: str, *, mode: int = 0o100644, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    info.external_attr = mode << 16
    info.compress_type = method
    return info


def central(data: bytes, offset: int, layout: str, value: int) -> bytes:
    """Change one field of the first entry of the archive's directory."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, data.index(CENTRAL) + offset, value)
    return bytes(changed)


def test_directories_are_no_members() -> None:
    """A directory entry neither clashes with its files nor counts as a member."""
    data = archive_of(named("a/", mode=0o040755), named("a/b.py"))
    with open_archive(NAME, io.BytesIO(data)) as opened:
        assert [member.name for member in opened.members] == ["a/b.py"]


def test_name_that_is_no_utf8() -> None:
    """A name with the UTF-8 flag that is no UTF-8 is a WheelError."""
    data = archive_of(named("démo.py")).replace("é".encode(), b"\xff\xff")
    fault = fault_of(data)
    assert fault.startswith("the archive is cut short or damaged (")
    assert "utf-8" in fault


def oversize_of(data: bytes) -> str:
    with open_archive(NAME, io.BytesIO(data)) as opened:
        assert opened.oversized
        (finding,) = opened.findings.found()
    assert finding.code is FindingCode.TOO_LARGE
    return finding.message


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", f"the file is empty; {FETCH_AGAIN}"),
        (b"<!DOCTYPE html>", f"this is no zip archive: it begins with b'<!DO'; {FETCH_AGAIN}"),
        (
            archive_of(named("demo.py"))[:-30],
            f"the archive is cut short or damaged (File is not a zip file); {FETCH_AGAIN}",
        ),
    ],
)
def test_no_archive(data: bytes, fault: str) -> None:
    """An empty file, another format and a truncated archive have different messages."""
    assert fault_of(data) == fault


def test_small_file_of_zeros(make_archive: MakeArchive) -> None:
    """A high ratio alone is no fault: a small member of zeros is harmless."""
    with open_archive(NAME, io.BytesIO(make_archive({"zeros": bytes(1 << 20)}))) as opened:
        assert opened.members[0].size == 1 << 20


def test_bomb_that_overlaps() -> None:
    """For members that share packed bytes the archive's size counts."""
    data = central(archive_of(named("demo.py")), 24, "<I", 0xFFFFFF00)
    data = central(data, 20, "<I", 0xFFFFFF00)
    assert oversize_of(data).endswith(": a zip bomb.")


def test_bomb_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that unpacks to more than the limit is a zip bomb at any ratio."""
    monkeypatch.setattr(zip_reader, "MOST_BYTES", 10)
    data = archive_of(named("demo.py"), data=b"x" * 11)
    assert oversize_of(data) == f"Its {len(data)} bytes unpack to 11: a zip bomb."


def test_too_many_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of members has a limit; the last ones are read, with the metadata."""
    monkeypatch.setattr(zip_reader, "MOST_MEMBERS", 1)
    data = archive_of(named("a.py"), named("b.py"))
    assert oversize_of(data) == "It has 2 members; the limit is 1."
    with open_archive(NAME, io.BytesIO(data)) as opened:
        assert [member.name for member in opened.members] == ["b.py"]


def test_damaged_member() -> None:
    """A damaged member is named when it is read."""
    data = archive_of(named("demo.py"), data=b"answer = 42").replace(b"42", b"43", 1)
    with open_archive(NAME, io.BytesIO(data)) as opened, pytest.raises(WheelError) as caught:
        opened.read("demo.py", at_most=100)
    assert str(caught.value) == (
        f"{NAME}: demo.py cannot be unpacked (Bad CRC-32 for file 'demo.py'); {FETCH_AGAIN}"
    )


def test_member_too_large_to_read(make_archive: MakeArchive) -> None:
    """A member above the reader's limit is not unpacked."""
    data = make_archive({"METADATA": b"x" * 11})
    with open_archive(NAME, io.BytesIO(data)) as opened, pytest.raises(WheelError) as caught:
        opened.read("METADATA", at_most=10)
    assert str(caught.value) == f"{NAME}: METADATA is larger than 10 bytes; {DISTRUST}"


def test_span(make_archive: MakeArchive) -> None:
    """A span ends at the next header; the last one ends at the directory."""
    data = make_archive({"a.py": b"a" * 10, "b.py": b"b"})
    with open_archive(NAME, io.BytesIO(data)) as opened:
        (start, middle), (then, end) = opened.span("a.py"), opened.span("b.py")
    assert (start, middle) == (0, then)
    assert data[middle:].startswith(b"PK\x03\x04")
    assert data[end:].startswith(b"PK\x01\x02")
