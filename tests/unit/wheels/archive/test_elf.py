"""ELF files: golden ones of every arch, made by tests/data/elf/make.py, and damaged ones."""

import io
import re
import struct
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.arches import ARCHES, Arch
from harness.wheels.archive import elf as elf_module
from harness.wheels.archive.elf import ElfFacts, UndefinedSymbol, UnreadableElf, read_elf
from tests.support.elves import golden, library

OLDEST_GLIBC = {
    "x86_64": "2.2.5",
    "i686": "2.0",
    "aarch64": "2.17",
    "armv7l": "2.4",
    "ppc64le": "2.17",
    "s390x": "2.2",
    "riscv64": "2.27",
}
X86_64 = golden("x86_64.so")
DT_RPATH, DT_RUNPATH = 15, 29
PT_GNU_STACK = 0x6474E551


def facts_of(data: bytes) -> ElfFacts:
    facts = read_elf(io.BytesIO(data))
    assert isinstance(facts, ElfFacts), facts
    return facts


def reason_of(data: bytes) -> str:
    facts = read_elf(io.BytesIO(data))
    assert isinstance(facts, UnreadableElf), facts
    return facts.reason


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_golden(arch: Arch) -> None:
    """Every arch's machine, word size, byte order, libraries, versions and symbols are read."""
    version = f"GLIBC_{OLDEST_GLIBC[arch.name]}"
    facts = facts_of(golden(f"{arch.name}.so"))
    assert facts == ElfFacts(
        machine=arch.elf_machine,
        bits=arch.elf_bits,
        little=arch.elf_little,
        type="ET_DYN",
        soname="libgolden.so.1",
        needed=("libcompanion.so.1", "libc.so.6"),
        runpath=("$ORIGIN/../demo.libs",),
        version_needs={"libc.so.6": (version,)},
        undefined=facts.undefined,
        exported=facts.exported,
        exec_stack=False,
        load_align=facts.load_align,
    )
    assert set(facts.undefined) == {
        UndefinedSymbol(name="atoi", version=version),
        UndefinedSymbol(name="companion_answer"),
        UndefinedSymbol(name="maybe_there", weak=True),
    }
    assert set(facts.exported) == {"answer", "spare"}
    assert facts.load_align >= 4096


@pytest.mark.parametrize("arch", ["x86_64", "s390x"])
def test_exported_versions(arch: str) -> None:
    """A symbol is exported under each of its versions, but not under the file's own name."""
    facts = facts_of(golden(f"{arch}-versions.so"))
    assert set(facts.exported) == {"plain", "answer@DEMO_1", "answer@DEMO_2"}


def test_executable() -> None:
    """An executable names its loader, as this interpreter does."""
    facts = facts_of(Path(sys.executable).read_bytes())
    assert "ld-" in facts.interpreter
    assert any(name.startswith("libc.") for name in facts.needed)


def test_rpath_is_not_runpath() -> None:
    """DT_RPATH and DT_RUNPATH are separate: loaders search them in a different order."""
    old = X86_64.replace(struct.pack("<Q", DT_RUNPATH), struct.pack("<Q", DT_RPATH), 1)
    assert facts_of(old).rpath == ("$ORIGIN/../demo.libs",)
    assert facts_of(old).runpath == ()


def test_executable_stack() -> None:
    """PT_GNU_STACK with the X flag is an executable stack; without that header it is None."""
    at = X86_64.index(struct.pack("<I", PT_GNU_STACK))
    asked = X86_64[: at + 4] + struct.pack("<I", 7) + X86_64[at + 8 :]
    unsaid = X86_64[:at] + struct.pack("<I", 0) + X86_64[at + 4 :]
    assert facts_of(asked).exec_stack is True
    assert facts_of(unsaid).exec_stack is None


def with_header(offset: int, layout: str, value: int) -> bytes:
    """Return the golden file with one field of the ELF header changed."""
    data = bytearray(X86_64)
    struct.pack_into(layout, data, offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it does not begin with the ELF magic"),
        (b"#!/bin/sh\n", "it does not begin with the ELF magic"),
        (X86_64[:30], "its headers are damaged (ELFParseError)"),
        (with_header(54, "<H", 8), "it claims headers of 8 bytes, not 56"),
        (with_header(56, "<H", 60_000), "it claims 60000 headers"),
        (with_header(40, "<Q", 0), "it has no SHT_DYNSYM section with the number of symbols"),
    ],
)
def test_damaged(data: bytes, reason: str) -> None:
    """A damaged file is an UnreadableElf with a reason."""
    assert reason_of(data) == reason


def test_cut_short() -> None:
    """A file that ends before its dynamic section is cut short."""
    facts = facts_of(X86_64)
    assert facts.needed
    at = X86_64.index(struct.pack("<Q", DT_RUNPATH))
    # The section headers come last in a file, so remove them.
    headless = with_header(40, "<Q", 0)[:at]
    assert reason_of(headless).startswith(f"it is cut short: {at} bytes of ")


def broken(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(data)] = value
    return bytes(changed)


@given(
    arch=st.sampled_from(ARCHES),
    changes=st.lists(st.tuples(st.integers(0, 4096), st.integers(0, 255)), max_size=12),
    end=st.integers(0, 4096),
)
@settings(max_examples=500)
def test_any_damage(arch: Arch, changes: list[tuple[int, int]], end: int) -> None:
    """With any bytes changed or missing there is a result within the time limit."""
    data = broken(golden(f"{arch.name}.so"), changes)
    start = time.monotonic()
    assert isinstance(read_elf(io.BytesIO(data[: end or None])), ElfFacts | UnreadableElf)
    assert time.monotonic() - start < 2


def test_endless_version_table() -> None:
    """A version table of thousands of records is damaged and not read to its end."""
    record = re.search(rb"\x01\0\x01\0.{4}\x10\0{7}", X86_64, re.DOTALL)
    assert record
    at = record.start()
    endless = bytearray(X86_64 + struct.pack("<IHHII", 0, 0, 2, 0, 16) * 2000)
    struct.pack_into("<I", endless, at + 8, len(X86_64) - at)
    assert reason_of(bytes(endless)) == "its version table has no end"


def test_too_many_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number that its section claims is limited before any is read."""
    monkeypatch.setattr(elf_module, "MOST_SYMBOLS", 1)
    assert reason_of(library(bytes(48), b"\0x\0")) == "it claims 2 symbols; the limit is 1"


def test_lack_of_memory_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """It passes through to the limit of the process."""

    def exhausted(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(elf_module, "ELFFile", exhausted)
    with pytest.raises(MemoryError):
        read_elf(io.BytesIO(golden("x86_64.so")))


def test_names_longer_than_the_file() -> None:
    """Symbols that all share one huge name do not multiply it in memory."""
    size, count = 1 << 16, 2000
    strings = b"\0" + b"n" * size + b"\0"
    symbols = struct.pack("<IBBHQQ", 1, 0x10, 0, 0, 0, 0) * count
    assert "longer than the file" in reason_of(library(symbols, strings))


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_initial_exec_variables_are_found(arch: Arch) -> None:
    """A library with a thread-local variable of its own needs static storage, others do not."""
    found = [facts_of(golden(f"{arch.name}{end}.so")) for end in ("-tls", "")]
    assert [elf.static_tls for elf in found] == [True, False]
