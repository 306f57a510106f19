"""Contracts of the file readers: each function raises if any bytes break one."""

import io
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.core.errors import WheelError
from harness.predict import predict
from harness.wheels.archive.contents import read_contents
from harness.wheels.archive.elf import ElfFacts, UnreadableElf, read_elf
from tests.support.elves import GOLDEN_FOLDER
from tests.support.forecasts import GLIBC, MODULE, symbols, wheel

FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
SECONDS = 5.0


def elf(data: bytes) -> None:
    """Any bytes give facts or a reason in time, and a prediction."""
    start = time.monotonic()
    facts = read_elf(io.BytesIO(data))
    assert isinstance(facts, ElfFacts | UnreadableElf)
    if isinstance(facts, ElfFacts):
        facts = replace(facts, exported=(*facts.exported, "PyInit__inner"))
    assert predict(wheel({MODULE: facts}), GLIBC, symbols).outcome
    assert time.monotonic() - start < SECONDS


def wheel_file(data: bytes) -> None:
    """Any bytes give a wheel or a ``WheelError`` in time, and a prediction."""
    start = time.monotonic()
    try:
        facts = read_contents(FILENAME, io.BytesIO(data))
    except WheelError:
        return
    assert predict(facts, GLIBC, symbols).outcome
    assert predict(facts, GLIBC, symbols, imports=("demo", "demo._inner")).outcome
    assert time.monotonic() - start < SECONDS


def golden_elves() -> dict[str, bytes]:
    """Return the golden ELF files by name."""
    return {path.name: path.read_bytes() for path in sorted(GOLDEN_FOLDER.glob("*.so"))}


def small_wheels() -> dict[str, bytes]:
    """Return a well-formed wheel, compressed and stored."""
    info = "demo-1.0.dist-info"
    members = {
        "demo/__init__.py": b"",
        MODULE: golden_elves()["x86_64.so"],
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: false\n"
        b"Tag: cp311-cp311-manylinux_2_17_x86_64\n",
    }
    record = "".join(f"{name},,\n" for name in (*members, f"{info}/RECORD"))
    members[f"{info}/RECORD"] = record.encode()
    return {
        "packed": _zipped(members, zipfile.ZIP_DEFLATED),
        "stored": _zipped(members, zipfile.ZIP_STORED),
    }


def _zipped(members: Mapping[str, bytes], method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


READERS: dict[str, Callable[[bytes], None]] = {"elf": elf, "wheel": wheel_file}
SEEDS: dict[str, Callable[[], dict[str, bytes]]] = {"elf": golden_elves, "wheel": small_wheels}
