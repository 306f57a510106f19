"""Contracts of the file readers: each function raises if any bytes break one."""

import contextlib
import io
import struct
import time
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.core.errors import WheelError
from harness.predict import predict
from harness.wheels.archive.contents import read_contents
from harness.wheels.archive.elf import ElfFacts, UnreadableElf, read_elf
from harness.wheels.archive.filename import parse_wheel_name
from tests.support.elves import GOLDEN_FOLDER, library
from tests.support.forecasts import GLIBC, MODULE, symbols, wheel

FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
SECONDS = 5.0
"""Of a processor."""
MEMORY = 256 << 20
"""Bytes that reading may add; an input of the fuzzer has at most a MiB."""
_INFO = "demo-1.0.dist-info"
_DIGITS = "9" * 5000


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Fail if the context takes longer than ``SECONDS`` or more than ``MEMORY``."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins at the current size
    start, before = time.process_time(), _peak()
    yield
    assert time.process_time() - start < SECONDS
    assert _peak() - before < MEMORY


def _peak() -> int:
    """Return the peak of this process's memory in bytes (proc_pid_status(5), VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def elf(data: bytes) -> None:
    """Any bytes give facts or a reason, and a prediction."""
    with bounded():
        facts = read_elf(io.BytesIO(data))
        assert isinstance(facts, ElfFacts | UnreadableElf)
        if isinstance(facts, ElfFacts):
            facts = replace(facts, exported=(*facts.exported, "PyInit__inner"))
        assert predict(wheel({MODULE: facts}), GLIBC, symbols).outcome


def wheel_file(data: bytes) -> None:
    """Any bytes give a wheel or a ``WheelError``, and a prediction."""
    with bounded(), contextlib.suppress(WheelError):
        facts = read_contents(FILENAME, io.BytesIO(data))
        assert predict(facts, GLIBC, symbols).outcome
        assert predict(facts, GLIBC, symbols, imports=("demo", "demo._inner")).outcome


def file_name(data: bytes) -> None:
    """Any bytes give the parts of a wheel's name or a ``WheelError``."""
    with bounded(), contextlib.suppress(WheelError):
        assert parse_wheel_name(data.decode("utf-8", "surrogateescape")).tags


def golden_elves() -> dict[str, bytes]:
    """Return the golden ELF files by name, and one with many symbols."""
    symbol = struct.pack("<IBBHQQ", 1, 0x12, 0, 1, 0, 0)
    many = library(bytes(24) + symbol * 2000, b"\0name\0")
    return {path.name: path.read_bytes() for path in sorted(GOLDEN_FOLDER.glob("*.so"))} | {
        "many_symbols.so": many
    }


def small_wheels() -> dict[str, bytes]:
    """Return a well-formed wheel, compressed and stored, and hostile ones."""
    members = {
        "demo/__init__.py": b"",
        MODULE: golden_elves()["x86_64.so"],
        f"{_INFO}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        f"{_INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: false\n"
        b"Tag: cp311-cp311-manylinux_2_17_x86_64\n",
    }
    record = "".join(f"{name},,\n" for name in (*members, f"{_INFO}/RECORD"))
    members[f"{_INFO}/RECORD"] = record.encode()
    hostile = {name: _zipped(members | changed) for name, changed in _hostile().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a member is there twice
        twice = _zipped([*members.items(), ("demo/__init__.py", b"x = 1")])
    return {
        "packed": _zipped(members),
        "stored": _zipped(members, zipfile.ZIP_STORED),
        "twice": twice,
        "empty": _zipped({}),
        **hostile,
    }


def _hostile() -> dict[str, dict[str, bytes]]:
    """Return the members by which hostile wheels differ from a well-formed one."""
    metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
    accented = "demo/\N{LATIN SMALL LETTER E WITH ACUTE}.py"
    many = golden_elves()["many_symbols.so"]
    return {
        "record_digits": {f"{_INFO}/RECORD": f"demo/__init__.py,,{_DIGITS}\n".encode()},
        "version_digits": {f"{_INFO}/METADATA": f"{metadata}Version: {_DIGITS}\n".encode()},
        "python_digits": {
            f"{_INFO}/METADATA": f"{metadata}Requires-Python: >={_DIGITS}\n".encode()
        },
        "requirement_digits": {
            f"{_INFO}/METADATA": f"{metadata}Requires-Dist: a>={_DIGITS}\n".encode()
        },
        "no_record": {f"{_INFO}/RECORD": b""},
        "other_tag": {f"{_INFO}/WHEEL": b"Wheel-Version: 1.0\nTag: py2-none-any\n"},
        "purelib_twice": {f"{_INFO}/WHEEL": b"Root-Is-Purelib: true\n" * 2},
        "other_info": {"other-2.0.dist-info/METADATA": metadata.encode()},
        "long_name": {f"demo/{'n' * 255}.py": b""},
        "deep": {"d/" * 300 + "f.py": b""},
        "forms": {unicodedata.normalize(form, accented): b"" for form in ("NFC", "NFD")},
        "outside": {"../outside.py": b"", "/absolute.py": b""},
        "many_symbols": {"demo.libs/libmany.so.1": many},
        "zeros": {"demo/zeros.bin": bytes(1 << 20)},
        "opens": {"demo/libs.py": b"from ctypes import CDLL\nCDLL('libx.so')\n'x.dll'\n"},
    }


def names() -> dict[str, bytes]:
    """Return file names of wheels."""
    found = (
        FILENAME,
        FILENAME.replace("1.0", "1!2.0rc1.post3.dev4+local", 1),
        FILENAME.replace("1.0", _DIGITS, 1),
        FILENAME.replace("1.0-", f"1.0-{_DIGITS}-", 1),
        FILENAME.replace("manylinux_2_17", f"manylinux_{_DIGITS}_{_DIGITS}"),
        ".".join(["py2"] * 40) + "-" + ".".join(["abi3"] * 40),
        "demo-1.0-7-py2.py3-none-any.whl",
    )
    return {str(number): name.encode() for number, name in enumerate(found)}


def _zipped(
    members: Mapping[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items() if isinstance(members, Mapping) else members:
            archive.writestr(name, data)
    return stream.getvalue()


READERS: dict[str, Callable[[bytes], None]] = {
    "elf": elf,
    "wheel": wheel_file,
    "name": file_name,
}
SEEDS: dict[str, Callable[[], dict[str, bytes]]] = {
    "elf": golden_elves,
    "wheel": small_wheels,
    "name": names,
}
