"""Read facts from parts of a wheel, for streams that are expensive to read.

The directory and metadata are enough for all rules about names. Native members then get facts
by name: the arch is that of the platform tag, and a module exports ``PyInit_<name>``. For the
other rules the native members are read too.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO

from harness.core.arches import Arch
from harness.wheels.archive.contents import NativeMember, NativeReader, WheelFacts, top_modules
from harness.wheels.archive.elf import ElfFacts, UnreadableElf
from harness.wheels.archive.filename import WheelName, arch_of, parse_wheel_name
from harness.wheels.archive.metadata import find_dist_info, read_metadata
from harness.wheels.archive.zip_reader import Archive, Member, open_archive

_LIBRARY = re.compile(r".+\.so(\.\w+)*")
"""Versions have letters too: ``libcrypto-5409cd36.so.1.1.1k``."""
_MODULE = re.compile(r"(?P<name>[^.]+)(\.(cpython-|abi3)[^/]*)?\.so")


def read_listing(filename: str, stream: BinaryIO) -> WheelFacts:
    """Read the directory, METADATA and WHEEL of a wheel of that name. Raises ``WheelError``."""
    with open_archive(filename, stream) as archive:
        return _listed(archive)


def read_native(
    filename: str, stream: BinaryIO, require: Callable[[list[tuple[int, int]]], None]
) -> WheelFacts:
    """Read the directory, the metadata and the native members of a wheel of that name.

    They are not read if none is named like a module, because then no import loads one.
    ``require`` is called with the byte ranges of the native members before they are read. Raises
    ``WheelError``.
    """
    with open_archive(filename, stream) as archive:
        listed = _listed(archive)
        if archive.oversized or not any(map(_is_module, listed.native)):
            return listed
        names = {native.name for native in listed.native}
        members = [member for member in archive.members if member.name in names]
        require([archive.span(member.name) for member in members])
        natives = tuple(filter(None, map(NativeReader(archive).member, members)))
        return replace(listed, native=natives, findings=archive.findings.found())


def _listed(archive: Archive) -> WheelFacts:
    name = parse_wheel_name(archive.filename)
    metadata = read_metadata(archive, find_dist_info(archive, name), name)
    return WheelFacts(
        name=name,
        pure=metadata.pure,
        generator=metadata.generator,
        requires_python=metadata.requires_python,
        requires_dist=metadata.requires_dist,
        top_level=metadata.top_level,
        members=archive.members,
        native=tuple(_by_name(archive.members, name)),
        modules=top_modules(archive.members),
        findings=archive.findings.found(),
    )


def _by_name(members: Sequence[Member], name: WheelName) -> Iterator[NativeMember]:
    arch = arch_of(name)
    for member in members:
        file = PurePosixPath(member.name)
        if _LIBRARY.fullmatch(file.name):
            module = _MODULE.fullmatch(file.name)
            in_libraries = file.parts[0].endswith(".libs")
            exported = (f"PyInit_{module['name']}",) if module and not in_libraries else ()
            elf = _elf(arch, exported) if arch else UnreadableElf(reason="it was not read")
            yield NativeMember(name=member.name, size=member.size, elf=elf)


def _is_module(native: NativeMember) -> bool:
    return not isinstance(native.elf, ElfFacts) or bool(native.elf.exported)


def _elf(arch: Arch, exported: tuple[str, ...]) -> ElfFacts:
    return ElfFacts(
        machine=arch.elf_machine,
        bits=arch.elf_bits,
        little=arch.elf_little,
        type="ET_DYN",
        exported=exported,
    )
