"""Unsafe archives, each with its exact message."""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping

import pytest

from harness.core.errors import WheelError
from harness.wheels.archive import zip_reader
from harness.wheels.archive.zip_reader import BUILD_AGAIN, DISTRUST, FETCH_AGAIN, open_archive

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


@pytest.mark.parametrize(
    ("info", "fault"),
    [
        (named("../evil.py"), f"member '../evil.py' leads out of the root; {DISTRUST}"),
        (
            named("a/../../b.py"),
            f"member 'a/../../b.py' leads out of the root; {DISTRUST}",
        ),
        (named("a//b.py"), f"member 'a//b.py' leads out of the root; {DISTRUST}"),
        (named("./b.py"), f"member './b.py' leads out of the root; {DISTRUST}"),
        (named("/etc/passwd"), f"member '/etc/passwd' has an absolute path; {DISTRUST}"),
        (named("C:/demo.py"), f"member 'C:/demo.py' has an absolute path; {DISTRUST}"),
        (named("a\\b.py"), f"the name of member 'a\\\\b.py' holds a backslash; {BUILD_AGAIN}"),
        (
            named("a\x1b[2J.py"),
            f"the name of member 'a\\x1b[2J.py' holds control characters; {DISTRUST}",
        ),
        (named("link", mode=0o120777), f"member 'link' is a symbolic link; {DISTRUST}"),
        (
            named("pipe", mode=0o010644),
            f"member 'pipe' is neither a file nor a directory; {DISTRUST}",
        ),
        (
            named("packed.py", method=zipfile.ZIP_BZIP2),
            (
                "member 'packed.py' is compressed by method 12, and installers know only "
                f"stored and deflated; {BUILD_AGAIN}"
            ),
        ),
    ],
)
def test_bad_member(info: zipfile.ZipInfo, fault: str) -> None:
    """Paths, file types and compression methods that no wheel may have."""
    assert fault_of(archive_of(named("demo.py"), info)) == fault


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (("demo.py", "demo.py"), f"member 'demo.py' is there twice; {BUILD_AGAIN}"),
        (("a", "a"), f"member 'a' is there twice; {BUILD_AGAIN}"),
        (
            ("Demo.py", "demo.py"),
            f"members 'Demo.py' and 'demo.py' differ in case only; {BUILD_AGAIN}",
        ),
        (("a/b", "a/b/c.py"), f"member 'a/b' is a file and has members below it; {DISTRUST}"),
        (("A/B/c.py", "a/b"), f"member 'a/b' is a file and has members below it; {DISTRUST}"),
    ],
)
def test_clash(names: tuple[str, ...], fault: str) -> None:
    """Members that overwrite each other on some file systems or on all."""
    assert fault_of(archive_of(*map(named, names))) == fault


def test_directories_are_no_members() -> None:
    """A directory entry neither clashes with its files nor counts as a member."""
    data = archive_of(named("a/", mode=0o040755), named("a/b.py"))
    with open_archive(NAME, io.BytesIO(data)) as opened:
        assert [member.name for member in opened.members] == ["a/b.py"]


def test_encrypted() -> None:
    """An encrypted member is found by the archive's directory."""
    data = central(archive_of(named("demo.py")), 8, "<H", 0x1)
    assert fault_of(data) == f"member 'demo.py' is encrypted; {BUILD_AGAIN}"


def test_name_not_marked_as_utf8() -> None:
    """A non-ASCII name without the UTF-8 flag is an error: its decoding depends on the machine."""
    data = central(archive_of(named("démo.py")), 8, "<H", 0)
    assert fault_of(data).endswith(f"is not marked as UTF-8; {BUILD_AGAIN}")


def test_name_that_is_no_utf8() -> None:
    """A name with the UTF-8 flag that is no UTF-8 is a WheelError."""
    data = archive_of(named("démo.py")).replace("é".encode(), b"\xff\xff")
    fault = fault_of(data)
    assert fault.startswith("the archive is cut short or damaged (")
    assert "utf-8" in fault


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", f"the file is empty; {FETCH_AGAIN}"),
        (
            b"<!DOCTYPE html>",
            f"this is no zip archive: it begins with b'<!DO'; {FETCH_AGAIN}",
        ),
        (
            archive_of(named("demo.py"))[:-30],
            f"the archive is cut short or damaged (File is not a zip file); {FETCH_AGAIN}",
        ),
    ],
)
def test_no_archive(data: bytes, fault: str) -> None:
    """An empty file, another format and a truncated archive have different messages."""
    assert fault_of(data) == fault


def test_bomb_by_ratio(make_archive: MakeArchive) -> None:
    """Zeros that unpack to a thousand times their size are a zip bomb."""
    data = make_archive({"zeros": bytes(zip_reader.RATIO_MATTERS_FROM + 1)})
    total = zip_reader.RATIO_MATTERS_FROM + 1
    assert fault_of(data) == f"{len(data)} bytes that unpack to {total}: a zip bomb; {DISTRUST}"


def test_small_file_of_zeros(make_archive: MakeArchive) -> None:
    """A high ratio alone is no fault: a small member of zeros is harmless."""
    with open_archive(NAME, io.BytesIO(make_archive({"zeros": bytes(1 << 20)}))) as opened:
        assert opened.members[0].size == 1 << 20


def test_bomb_that_overlaps() -> None:
    """For members that share packed bytes the archive's size counts."""
    data = central(archive_of(named("demo.py")), 24, "<I", 0xFFFFFF00)
    data = central(data, 20, "<I", 0xFFFFFF00)
    assert fault_of(data).endswith(f"a zip bomb; {DISTRUST}")


def test_bomb_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that unpacks to more than the limit is a zip bomb at any ratio."""
    monkeypatch.setattr(zip_reader, "MOST_BYTES", 10)
    data = archive_of(named("demo.py"), data=b"x" * 11)
    assert fault_of(data) == f"{len(data)} bytes that unpack to 11: a zip bomb; {DISTRUST}"


def test_too_many_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of members has a limit."""
    monkeypatch.setattr(zip_reader, "MOST_MEMBERS", 1)
    data = archive_of(named("a.py"), named("b.py"))
    assert fault_of(data) == f"2 members; the limit is 1; {DISTRUST}"


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
