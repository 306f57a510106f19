"""Properties in ELF notes: the x86-64 level that a file needs."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wheels.archive.elf_properties import needed_isa_level

NEEDED, USED, FEATURE = 0xC0008002, 0xC0010002, 0xC0000002


def prop(kind: int, value: int) -> bytes:
    return struct.pack("<3I4x", kind, 4, value)


def note(*properties: bytes, name: bytes = b"GNU\0", kind: int = 5) -> bytes:
    body = b"".join(properties)
    return struct.pack("<3I", len(name), len(body), kind) + name + body


def level(data: bytes) -> int:
    return needed_isa_level(memoryview(data), 64, "<")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (note(prop(FEATURE, 3), prop(NEEDED, 1)), 1),
        (note(prop(NEEDED, 0b11)), 2),
        (note(prop(NEEDED, 0b100)), 3),
        (note(prop(NEEDED, 0b1000)), 4),
        (note(prop(USED, 0b1000)), 0),
        (note(prop(NEEDED, 0)), 0),
        (note(prop(NEEDED, 2), kind=1), 0),
        (note(prop(NEEDED, 2), name=b"Go\0\0"), 0),
        (note(prop(FEATURE, 3), name=b"Go\0\0") + note(prop(NEEDED, 2)), 2),
        (note(prop(NEEDED, 2))[:-8], 0),
        (b"", 0),
    ],
)
def test_levels(data: bytes, expected: int) -> None:
    assert level(data) == expected


@given(st.binary(max_size=200))
def test_any_bytes_end(data: bytes) -> None:
    """Damage is no error: sizes in a note can point anywhere."""
    assert 0 <= needed_isa_level(memoryview(data), 64, "<") <= 4
    assert 0 <= needed_isa_level(memoryview(data), 32, ">") <= 4
