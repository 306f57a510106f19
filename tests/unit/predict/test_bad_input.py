"""Malformed wheels are predicted with a reason, without a crash."""

import io
import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.wheel_findings import FindingCode
from harness.predict import predict
from harness.wheels.archive.contents import WheelFacts, read_wheel
from harness.wheels.archive.elf import ElfFacts, read_elf
from tests.support.elves import DT_NEEDED, golden, library, module
from tests.support.forecasts import FILENAME, GLIBC, MODULE, symbols, wheel
from tests.support.wheels import write_demo

GOLDEN = golden("x86_64.so")
HUGE = 1 << 62
PROGRAM_HEADERS, SECTION_HEADERS, FIRST_SEGMENT = 32, 40, 64
MOST_SECONDS = 5


def packed(folder: Path, *members: tuple[str, bytes]) -> WheelFacts:
    return read_wheel(
        write_demo(folder, *members, python="cp311", platform="manylinux_2_17_x86_64")
    )


def damaged(offset: int, layout: str, value: int) -> bytes:
    data = bytearray(GOLDEN)
    struct.pack_into(layout, data, offset, value)
    return bytes(data)


def segment(kind: int) -> int:
    """Return the offset of the program header of that kind."""
    (at,) = struct.unpack_from("<Q", GOLDEN, PROGRAM_HEADERS)
    (count,) = struct.unpack_from("<H", GOLDEN, 56)
    places = range(at, at + 56 * count, 56)
    return next(place for place in places if struct.unpack_from("<I", GOLDEN, place)[0] == kind)


DYNAMIC = segment(2)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GOLDEN[:70], id="cut in its program headers"),
        pytest.param(GOLDEN[: len(GOLDEN) // 2], id="cut in the middle"),
        pytest.param(damaged(PROGRAM_HEADERS, "<Q", HUGE), id="program headers far outside"),
        pytest.param(damaged(SECTION_HEADERS, "<Q", HUGE), id="section headers far outside"),
        pytest.param(damaged(56, "<H", 0xFFFF), id="65535 program headers"),
        pytest.param(damaged(60, "<H", 0xFFFF), id="65535 section headers"),
        pytest.param(damaged(DYNAMIC + 8, "<Q", HUGE), id="dynamic segment far outside"),
        pytest.param(damaged(DYNAMIC + 32, "<Q", HUGE), id="a dynamic segment without end"),
        pytest.param(damaged(4, "<B", 9), id="a word size that does not exist"),
    ],
)
def test_unreadable_module(tmp_path: Path, data: bytes) -> None:
    """A damaged module is unreadable, with the reason."""
    start = time.monotonic()
    predicted = predict(packed(tmp_path, (MODULE, data)), GLIBC, symbols)
    assert (predicted.outcome, predicted.cause, predicted.file) == (
        Outcome.IMPORT_FAILED,
        Cause.UNREADABLE,
        MODULE,
    )
    assert predicted.evidence in predicted.explanation
    assert time.monotonic() - start < MOST_SECONDS


def test_unreadable_library(tmp_path: Path) -> None:
    """A damaged library that a module needs is named instead of the module."""
    strings = b"\0PyInit__inner\0libbad.so\0$ORIGIN\0"
    symbol = struct.pack("<IBBHQQ", 1, 0x12, 0, 1, 0, 0)
    needs = [(DT_NEEDED, strings.index(b"libbad")), (29, strings.index(b"$ORIGIN"))]
    facts = packed(
        tmp_path,
        (MODULE, library(bytes(24) + symbol, strings, needs)),
        ("demo/libbad.so", GOLDEN[:100]),
    )
    predicted = predict(facts, GLIBC, symbols)
    assert (predicted.cause, predicted.file) == (Cause.UNREADABLE, "demo/libbad.so")


def test_library_name_that_is_no_utf8() -> None:
    """A library whose name is no UTF-8 is missing, and its name is printable in the message."""
    strings = b"\0PyInit__inner\0lib\xff\xfe.so\0"
    symbol = struct.pack("<IBBHQQ", 1, 0x12, 0, 1, 0, 0)
    data = library(bytes(24) + symbol, strings, [(DT_NEEDED, strings.index(b"lib"))])
    facts = read_elf(io.BytesIO(data))
    assert isinstance(facts, ElfFacts)
    predicted = predict(wheel({MODULE: facts}), GLIBC, symbols)
    assert predicted.cause == Cause.MISSING_LIBRARY
    assert r"lib\xff\xfe.so" in predicted.evidence
    assert predicted.evidence.isprintable()


def test_thousands_of_members(tmp_path: Path) -> None:
    """A wheel of thousands of modules is read and predicted in seconds, the last one too."""
    count = 1500
    modules = [
        (f"demo/_m{n}.cpython-311-x86_64-linux-gnu.so", module(f"_m{n}")) for n in range(count)
    ]
    texts = [(f"demo/text{n}.txt", b"") for n in range(count)]
    last = ("demo/_z.cpython-311-x86_64-linux-gnu.so", module("_z", "libno.so"))
    facts = packed(tmp_path, *modules, *texts, last)
    start = time.monotonic()
    predicted = predict(facts, GLIBC, symbols)
    assert (predicted.cause, predicted.file) == (Cause.MISSING_LIBRARY, last[0])
    assert time.monotonic() - start < MOST_SECONDS
    assert len(facts.native) == count + 1


def test_corrupt_member_fails_to_install(tmp_path: Path) -> None:
    """Whatever its kind: pip unpacks all members."""
    path = tmp_path / FILENAME
    packed(tmp_path, ("demo/text.py", b"answer = 42"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 16] ^= 1  # the checksum of the first member
    path.write_bytes(data)
    predicted = predict(read_wheel(path), GLIBC, symbols)
    assert (predicted.outcome, predicted.cause, predicted.file) == (
        Outcome.INSTALL_FAILED,
        Cause.CORRUPT_MEMBER,
        "demo/text.py",
    )


def test_path_outside_fails_to_install(tmp_path: Path) -> None:
    """Pip refuses a member that leads out of the environment."""
    predicted = predict(packed(tmp_path, ("../x.py", b"")), GLIBC, symbols)
    assert (predicted.outcome, predicted.cause, predicted.file) == (
        Outcome.INSTALL_FAILED,
        Cause.MALFORMED_WHEEL,
        "../x.py",
    )


def test_defect_that_pip_accepts_changes_no_prediction(tmp_path: Path) -> None:
    """A member that is there twice installs."""
    twice = [("demo/x.py", b"")] * 2
    with pytest.warns(UserWarning, match="Duplicate name"):
        facts = packed(tmp_path, *twice)
    assert {each.code for each in facts.findings} == {FindingCode.DUPLICATE_MEMBER}
    assert predict(facts, GLIBC, symbols).outcome is Outcome.PASS


def test_requires_python_with_thousands_of_digits() -> None:
    """The target's Python does not satisfy it, and the sentence stays short."""
    facts = replace(wheel({}), requires_python=f">={'9' * 5000}")
    predicted = predict(facts, GLIBC, symbols)
    assert (predicted.outcome, predicted.cause) == (Outcome.INSTALL_FAILED, Cause.PYTHON_TOO_OLD)
    assert len(predicted.explanation) < 300
