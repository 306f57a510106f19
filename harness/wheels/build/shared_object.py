"""A shared library for each architecture that does nothing, as an ELF file without a compiler.

It has the tables that loaders and readers require, and no code: its symbol table is empty.
Source: ELF specification, chapters 1-4, 2-2 and 2-3.
"""

import struct

from elftools.elf.enums import ENUM_E_MACHINE

from harness.core.arches import Arch

_FLAGS = {"armv7l": 0x5000400, "ppc64le": 0x2, "riscv64": 0x5}
"""e_flags: EABI 5 with hard float; ELFv2; compressed instructions and double floats."""
_PAGE = 0x10000
"""The largest page of these architectures."""
_SHARED, _LOAD, _DYNAMIC, _GNU_STACK = 3, 1, 2, 0x6474E551
_READ_WRITE, _EXECUTE = 6, 1
_NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _SYMENT = 1, 4, 5, 6, 10, 11
_STRINGS, _DYNSYM = 3, 11
_SEGMENTS = _SECTIONS = 3


def shared_object(arch: Arch, *, needed: tuple[str, ...] = (), exec_stack: bool = False) -> bytes:
    """Return a library of ``arch`` that needs the libraries ``needed`` (sonames).

    ``exec_stack``: it asks for an executable stack.
    """
    wide = arch.elf_bits == 64  # noqa: PLR2004
    order, word = "<" if arch.elf_little else ">", "Q" if wide else "I"
    header, entry, symbol = (64, 56, 24) if wide else (52, 32, 16)
    names = b"\0" + b"".join(name.encode() + b"\0" for name in needed)
    start = header + _SEGMENTS * entry
    tables = bytes(symbol) + struct.pack(f"{order}4I", 1, 1, 0, 0) + names
    tables += bytes(-(start + len(tables)) % 8)
    offsets = [1 + sum(len(name) + 1 for name in needed[:place]) for place in range(len(needed))]
    rows = [(_NEEDED, offset) for offset in offsets]
    rows += [(_SYMTAB, start), (_SYMENT, symbol), (_HASH, start + symbol)]
    rows += [(_STRTAB, start + symbol + 16), (_STRSZ, len(names)), (0, 0)]
    dynamic = b"".join(struct.pack(f"{order}2{word}", *row) for row in rows)
    place = start + len(tables)
    whole = place + len(dynamic)

    def section(kind: int, offset: int, size: int, link: int, item: int) -> bytes:
        row = (0, kind, 0, offset, offset, size, link, 1 if link else 0, 1, item)
        return struct.pack(f"{order}II4{word}II2{word}", *row)

    strings = start + symbol + 16
    sections = bytes(64 if wide else 40) + section(_DYNSYM, start, symbol, 2, symbol)
    sections += section(_STRINGS, strings, len(names), 0, 0)

    def segment(kind: int, flags: int, offset: int, size: int, align: int) -> bytes:
        where = (offset, offset, offset, size, size)
        if wide:
            return struct.pack(f"{order}II6Q", kind, flags, *where, align)
        return struct.pack(f"{order}8I", kind, *where, flags, align)

    stack = _READ_WRITE | (_EXECUTE if exec_stack else 0)
    ident = b"\x7fELF" + bytes([1 + wide, 1 if arch.elf_little else 2, 1]) + bytes(9)
    head = struct.pack(
        f"{order}HHI3{word}I6H",
        *(_SHARED, ENUM_E_MACHINE[arch.elf_machine], 1, 0, header, whole),
        *(_FLAGS.get(arch.name, 0), header, entry, _SEGMENTS, 64 if wide else 40, _SECTIONS, 2),
    )
    segments = segment(_LOAD, _READ_WRITE, 0, whole, _PAGE)
    segments += segment(_DYNAMIC, _READ_WRITE, place, len(dynamic), 8)
    segments += segment(_GNU_STACK, stack, 0, 0, 16)
    return ident + head + segments + tables + dynamic + sections
