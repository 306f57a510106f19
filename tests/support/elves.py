"""ELF files: golden ones of every arch, and small x86_64 ones, assembled or compiled."""

import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

GOLDEN_FOLDER = Path(__file__).parents[1] / "data" / "elf"
DT_NEEDED = 1
PT_GNU_STACK, PF_X = 0x6474E551, 1


def golden(name: str) -> bytes:
    """Return a golden ELF file, see ``tests/data/elf/make.py``."""
    return (GOLDEN_FOLDER / name).read_bytes()


def module(init: str, *needed: str) -> bytes:
    """Return an extension module that exports ``PyInit_<init>`` and needs those libraries."""
    strings = b"\0" + f"PyInit_{init}".encode() + b"\0"
    entries = []
    for name in needed:
        entries.append((DT_NEEDED, len(strings)))
        strings += name.encode() + b"\0"
    symbol = struct.pack("<IBBHQQ", 1, 0x12, 0, 1, 0, 0)
    return library(bytes(24) + symbol, strings, entries)


def compiled(source: str, folder: Path, *options: str, machine: str = "x86_64") -> bytes:
    """Return a library of that C code, which a loader can load; it needs no libc."""
    code, out = folder / "compiled.c", folder / "compiled.so"
    code.write_text(source)
    command = [sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-linux-gnu.2.17"]
    command += ["-shared", "-fPIC", "-nostdlib", "-Os", "-g0", str(code), *options, "-o", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out.read_bytes()


def program(
    source: str, path: Path, *options: str, machine: str = "x86_64", libc: str = "gnu.2.17"
) -> Path:
    """Compile that C code to a program at ``path``: for glibc, or for musl, which it then has."""
    code = path.with_suffix(".c")
    code.write_text(source)
    command = [sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-linux-{libc}"]
    command += ["-Os", "-g0", str(code), *options, "-o", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def with_executable_stack(elf: bytes) -> bytes:
    """Return a 64-bit little-endian ELF file that requests an executable stack."""
    data, found = bytearray(elf), False
    start, size, count = struct.unpack_from("<Q14xHH", elf, 32)
    for at in range(start, start + size * count, size):
        kind, flags = struct.unpack_from("<II", elf, at)
        if kind == PT_GNU_STACK:
            struct.pack_into("<I", data, at + 4, flags | PF_X)
            found = True
    assert found, "it has no PT_GNU_STACK"
    return bytes(data)


def library(symbols: bytes, strings: bytes, more: Sequence[tuple[int, int]] = ()) -> bytes:
    """Return a minimal x86_64 library: a load segment, a dynamic segment, a symbol section.

    ``more`` are entries of the dynamic segment.
    """
    start = 64 + 2 * 56 + 2 * 64
    string_at = start + len(symbols)
    dynamic_at = string_at + len(strings)
    tags = ((6, start), (5, string_at), (10, len(strings)), *more, (0, 0))
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    size = dynamic_at + len(dynamic)
    sections_at = 64 + 2 * 56
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    fields = (3, 62, 1, 0, 64, sections_at, 0, 64, 56, 2, 64, 2, 0)
    header = ident + struct.pack("<HHIQQQIHHHHHH", *fields)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 4096)
    table = (dynamic_at, dynamic_at, dynamic_at, len(dynamic), len(dynamic), 8)
    dynamic_header = struct.pack("<IIQQQQQQ", 2, 6, *table)
    string_section = struct.pack("<IIQQQQIIQQ", 0, 3, 2, 0, string_at, len(strings), 0, 0, 1, 0)
    section = struct.pack("<IIQQQQIIQQ", 0, 11, 2, start, start, len(symbols), 0, 1, 8, 24)
    return header + load + dynamic_header + string_section + section + symbols + strings + dynamic
