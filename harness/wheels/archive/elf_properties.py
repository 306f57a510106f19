"""Read the properties in an ELF file's notes (x86-64 psABI, "Program Property")."""

import struct

_PROPERTY_NOTE = 5
"""NT_GNU_PROPERTY_TYPE_0"""
_ISA_1_NEEDED = 0xC0008002
"""GNU_PROPERTY_X86_ISA_1_NEEDED"""


def needed_isa_level(data: memoryview, bits: int, order: str) -> int:
    """Return the x86-64 level that a PT_GNU_PROPERTY segment needs: 1 to 4, or 0 without one."""
    word = bits // 8
    at = 0
    while at + 16 <= len(data):
        name_size, size, kind = struct.unpack_from(f"{order}3I", data, at)
        start = at + 12 + (name_size + 3) // 4 * 4
        if kind == _PROPERTY_NOTE and bytes(data[at + 12 : at + 16]) == b"GNU\0":
            return _level(data[start : start + size], word, order)
        at = start + (size + word - 1) // word * word
    return 0


def _level(properties: memoryview, word: int, order: str) -> int:
    at = 0
    while at + 8 <= len(properties):
        kind, size = struct.unpack_from(f"{order}2I", properties, at)
        if kind == _ISA_1_NEEDED and at + 12 <= len(properties):
            (levels,) = struct.unpack_from(f"{order}I", properties, at + 8)
            return int(levels & 0xF).bit_length()
        at += 8 + (size + word - 1) // word * word
    return 0
