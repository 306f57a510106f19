"""Read ELF files as a dynamic loader does.

For any bytes the result is ``ElfFacts`` or ``UnreadableElf``, in time and memory bounded by the
size of the file and by ``MOST_SYMBOLS``. pyelftools reads the headers. The dynamic tables are
unpacked here in one call each, since pyelftools takes tens of microseconds per entry.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import BinaryIO, NamedTuple

from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_D_TAG as DT

from harness.wheels.archive.elf_properties import needed_isa_level
from harness.wheels.archive.elf_relocations import RELOCATIONS, initial_exec_symbols

MAGIC = b"\x7fELF"
MOST_SYMBOLS = 1 << 20
"""Dynamic symbols of one file; large machine-learning libraries have about 400,000."""
_MOST_HEADERS = 4096
_MOST_VERSIONS = 512
_MOST_NAME_BYTES = 4  # per byte of the file: names may overlap
_PROGRAM_HEADER_SIZE = {32: 32, 64: 56}
_SECTION_HEADER_SIZE = {32: 40, 64: 64}
_DYNAMIC_ENTRY = {32: "iI", 64: "qQ"}
_SYMBOL = {32: "I8xBxH", 64: "IBxH16x"}  # name, info, section
_GLOBAL, _WEAK, _UNIQUE = 1, 2, 10
_BASE_VERSION = 1
_PIE = 0x08000000  # DF_1_PIE
_VERSION_INDEX = 0x7FFF  # the top bit only hides a symbol from the static linker


@dataclass(frozen=True, kw_only=True, slots=True)
class UndefinedSymbol:
    """A symbol that another library must define."""

    name: str
    version: str = ""
    """``GLIBC_2.17``; empty if any version will do."""
    weak: bool = False
    """The loader sets it to 0 if no library defines it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ElfFacts:
    """The headers and needs of one ELF file (gABI chapters 4 and 5, LSB symbol versioning)."""

    machine: str
    """e_machine as pyelftools names it: ``EM_AARCH64``; the number if it has no name."""
    bits: int
    little: bool
    type: str
    """e_type: ``ET_DYN`` for extension modules and libraries."""
    interpreter: str = ""
    """PT_INTERP of an executable: its loader."""
    pie: bool = False
    """Whether it says that it is a program that can be loaded at any address (DF_1_PIE); older
    linkers do not write that."""
    soname: str = ""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    version_needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Library → needed symbol versions: ``{"libc.so.6": ("GLIBC_2.17",)}``."""
    undefined: tuple[UndefinedSymbol, ...] = ()
    exported: tuple[str, ...] = ()
    """Symbols that it defines: ``malloc@GLIBC_2.17`` if the file gives them versions
    (DT_VERDEF), else ``malloc``."""
    exec_stack: bool | None = None
    """Whether PT_GNU_STACK requests an executable stack; None without that header, when the
    architecture's default applies."""
    packed_relocations: bool = False
    """Whether it has relocations in DT_RELR, which older loaders silently ignore."""
    static_tls: bool = False
    """Whether it has initial-exec relocations to thread-local variables of its own, for which
    musl has no room once the process runs."""
    nameless_tls: bool = False
    """Whether such a relocation has no symbol, as those to static variables have."""
    load_align: int = 0
    """Smallest alignment of its loaded segments in bytes: the largest usable page size."""
    isa_level: int = 0
    """The x86-64 level that its properties need, 1 to 4; 0 if they say nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableElf:
    """A damaged ELF file, or another file that is named like a library."""

    reason: str
    foreign: bool = False
    """Whether it is no ELF file at all, as a library of macOS."""


class _DamagedError(Exception):
    pass


class _Symbol(NamedTuple):
    name: int
    info: int
    section: int

    @property
    def binding(self) -> int:
        return self.info >> 4

    @property
    def exported(self) -> bool:
        return self.section != 0 and self.binding in (_GLOBAL, _WEAK, _UNIQUE)


def versioned(name: str, version: str) -> str:
    """Return ``malloc@GLIBC_2.17``, or ``malloc`` without a version."""
    return f"{name}@{version}" if version else name


def read_elf(stream: BinaryIO) -> ElfFacts | UnreadableElf:
    """Read the headers, the dynamic section and the dynamic symbols of one ELF file."""
    try:
        return _ElfReader(stream).facts()
    except _DamagedError as error:
        return UnreadableElf(reason=str(error))
    except MemoryError:  # the limit of the process, not damage
        raise
    except Exception as error:  # noqa: BLE001 -- damage can fail anywhere in pyelftools
        return UnreadableElf(reason=f"its headers are damaged ({type(error).__name__})")


class _ElfReader:
    """One ELF file in memory, addressed by segments as the loader does."""

    def __init__(self, stream: BinaryIO) -> None:
        self.data = memoryview(stream.read())
        if self.data[:4] != MAGIC:
            raise _DamagedError("it does not begin with the ELF magic")
        self.elf = ELFFile(stream)
        self.bits = self.elf.elfclass
        self.order = "<" if self.elf.little_endian else ">"
        self._check_headers()
        self.segments = [segment.header for segment in self.elf.iter_segments()]
        self.loads = [header for header in self.segments if header["p_type"] == "PT_LOAD"]
        self.tags = self._dynamic_tags()
        self.strings = self._strings()
        self.names_left = _MOST_NAME_BYTES * len(self.data)

    def facts(self) -> ElfFacts:
        header = self.elf.header
        version_needs, version_names = self._version_needs()
        undefined, exported = self._symbols(version_names, self._version_definitions())
        static_tls, nameless_tls = self._static_tls()
        return ElfFacts(
            machine=str(header["e_machine"]),
            bits=self.bits,
            little=self.elf.little_endian,
            type=str(header["e_type"]),
            interpreter=self._interpreter(),
            pie=bool((self._tag("DT_FLAGS_1") or 0) & _PIE),
            soname="".join(self._tagged_names("DT_SONAME")[:1]),
            needed=self._tagged_names("DT_NEEDED"),
            rpath=_search_path(self._tagged_names("DT_RPATH")),
            runpath=_search_path(self._tagged_names("DT_RUNPATH")),
            version_needs=version_needs,
            undefined=undefined,
            exported=exported,
            exec_stack=self._exec_stack(),
            packed_relocations=self._tag("DT_RELR") is not None,
            static_tls=static_tls,
            nameless_tls=nameless_tls,
            load_align=min((load["p_align"] for load in self.loads), default=0),
            isa_level=self._isa_level(),
        )

    def _check_headers(self) -> None:
        header = self.elf.header
        for count, size, proper in (
            # Not extended (PN_XNUM): loaders do not support that.
            (header["e_phnum"], header["e_phentsize"], _PROGRAM_HEADER_SIZE[self.bits]),
            (self.elf.num_sections(), header["e_shentsize"], _SECTION_HEADER_SIZE[self.bits]),
        ):
            if count > _MOST_HEADERS:
                raise _DamagedError(f"it claims {count} headers")
            if count and size != proper:
                raise _DamagedError(f"it claims headers of {size} bytes, not {proper}")

    # --- segments -----------------------------------------------------------------

    def _segment(self, kind: str) -> memoryview | None:
        for header in self.segments:
            if header["p_type"] == kind:
                return self._bytes(header["p_offset"], header["p_filesz"])
        return None

    def _interpreter(self) -> str:
        return bytes(self._segment("PT_INTERP") or b"").rstrip(b"\0").decode(errors="replace")

    def _exec_stack(self) -> bool | None:
        flags = [h["p_flags"] for h in self.segments if h["p_type"] == "PT_GNU_STACK"]
        return bool(flags[0] & P_FLAGS.PF_X) if flags else None

    def _isa_level(self) -> int:
        note = self._segment("PT_GNU_PROPERTY")
        intel = str(self.elf.header["e_machine"]) in ("EM_X86_64", "EM_386")
        return needed_isa_level(note, self.bits, self.order) if note and intel else 0

    def _dynamic_tags(self) -> Mapping[int, list[int]]:
        entry = struct.Struct(self.order + _DYNAMIC_ENTRY[self.bits])
        data = self._segment("PT_DYNAMIC") or memoryview(b"")
        tags: dict[int, list[int]] = {}
        for tag, value in entry.iter_unpack(data[: len(data) // entry.size * entry.size]):
            if tag == DT["DT_NULL"]:
                break
            tags.setdefault(tag, []).append(value)
        return tags

    def _tag(self, name: str) -> int | None:
        return self.tags.get(DT[name], [None])[0]

    # --- bytes and names ----------------------------------------------------------

    def _bytes(self, offset: int, size: int) -> memoryview:
        if offset + size > len(self.data):
            raise _DamagedError(f"it is cut short: {len(self.data)} bytes of {offset + size}")
        return self.data[offset : offset + size]

    def _offset(self, address: int) -> int:
        for load in self.loads:
            start: int = load["p_vaddr"]
            offset: int = load["p_offset"]
            if start <= address < start + load["p_filesz"]:
                return offset + address - start
        raise _DamagedError(f"address {address:#x} lies in none of its segments")

    def _strings(self) -> bytes:
        address, size = self._tag("DT_STRTAB"), self._tag("DT_STRSZ")
        if address is None or size is None:
            return b""
        return bytes(self._bytes(self._offset(address), size))

    def _name(self, index: int) -> str:
        end = self.strings.find(b"\0", index)
        if end < 0:
            raise _DamagedError("a name lies outside its string table")
        self.names_left -= end - index
        if self.names_left < 0:
            raise _DamagedError("its names are longer than the file")
        return self.strings[index:end].decode("utf-8", "backslashreplace")

    def _tagged_names(self, tag: str) -> tuple[str, ...]:
        return tuple(self._name(index) for index in self.tags.get(DT[tag], []))

    def _static_tls(self) -> tuple[bool, bool]:
        """Whether it has initial-exec relocations to its own variables, and to nameless ones."""
        if self._segment("PT_TLS") is None:
            return False, False
        indexes: set[int] = set()
        machine = str(self.elf.header["e_machine"])
        for table, size in RELOCATIONS:
            address, length = self._tag(table), self._tag(size)
            if address is not None and length:
                data = self._bytes(self._offset(address), length)
                indexes.update(initial_exec_symbols(machine, self.bits, self.order, table, data))
        nameless = 0 in indexes
        if not indexes - {0}:
            return nameless, nameless
        record, symbols = self._symbol_table()
        places = (index * record.size for index in indexes if index)
        defined = (
            _Symbol(*record.unpack_from(symbols, place)).section
            for place in places
            if place < len(symbols)
        )
        return nameless or any(defined), nameless

    # --- symbols and their versions -------------------------------------------------

    def _version_needs(self) -> tuple[dict[str, tuple[str, ...]], dict[int, str]]:
        """Return the versions per library, and the version of each index."""
        needs: dict[str, tuple[str, ...]] = {}
        names: dict[int, str] = {}
        address = self._tag("DT_VERNEED")
        if address is None:
            return needs, names
        for entry, (_, _, file, aux, _) in self._chain(self._offset(address), "HHIII"):
            wanted = [
                (index & _VERSION_INDEX, self._name(name))
                for _, (_, _, index, name, _) in self._chain(entry + aux, "IHHII")
            ]
            needs[self._name(file)] = tuple(name for _, name in wanted)
            names.update(wanted)
        return needs, names

    def _version_definitions(self) -> dict[int, str]:
        """Return the version of each index, without the file's own name."""
        address = self._tag("DT_VERDEF")
        if address is None:
            return {}
        names: dict[int, str] = {}
        for entry, (_, flags, index, _, _, aux, _) in self._chain(self._offset(address), "HHHHIII"):
            if not flags & _BASE_VERSION:
                # The first name is the version; its ancestors follow.
                name, _ = struct.unpack(self.order + "II", self._bytes(entry + aux, 8))
                names[index & _VERSION_INDEX] = self._name(name)
        return names

    def _chain(self, offset: int, layout: str) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield the records of a linked list whose last field is the distance to the next."""
        record = struct.Struct(self.order + layout)
        for _ in range(_MOST_VERSIONS):
            fields = record.unpack(self._bytes(offset, record.size))
            yield offset, fields
            if fields[-1] == 0:
                return
            offset += fields[-1]
        raise _DamagedError("its version table has no end")

    def _symbols(
        self, needed: Mapping[int, str], defined: Mapping[int, str]
    ) -> tuple[tuple[UndefinedSymbol, ...], tuple[str, ...]]:
        record, table = self._symbol_table()
        undefined: list[UndefinedSymbol] = []
        exported: list[str] = []
        versions = self._symbol_versions(len(table) // record.size)
        # One symbol at a time: a small archive can unpack to a large table.
        for row, (version,) in zip(record.iter_unpack(table), versions, strict=True):
            symbol, index = _Symbol(*row), version & _VERSION_INDEX
            if symbol.exported:
                exported.append(versioned(self._name(symbol.name), defined.get(index, "")))
            elif symbol.section == 0 and symbol.name:
                undefined.append(
                    UndefinedSymbol(
                        name=self._name(symbol.name),
                        version=needed.get(index, ""),
                        weak=symbol.binding == _WEAK,
                    )
                )
        return tuple(undefined), tuple(exported)

    def _symbol_table(self) -> tuple[struct.Struct, memoryview]:
        """Return the layout of a symbol and the bytes of all."""
        record = struct.Struct(self.order + _SYMBOL[self.bits])
        address = self._tag("DT_SYMTAB")
        if address is None:
            return record, memoryview(b"")
        # No dynamic tag has their number, and the hash tables omit the undefined ones.
        section = next(self.elf.iter_sections("SHT_DYNSYM"), None)
        if section is None:
            raise _DamagedError("it has no SHT_DYNSYM section with the number of symbols")
        count: int = section["sh_size"] // record.size
        if count > MOST_SYMBOLS:
            raise _DamagedError(f"it claims {count} symbols; the limit is {MOST_SYMBOLS}")
        return record, self._bytes(self._offset(address), count * record.size)

    def _symbol_versions(self, count: int) -> Iterator[tuple[int]]:
        address = self._tag("DT_VERSYM")
        if address is None:
            return repeat((0,), count)
        layout = struct.Struct(f"{self.order}H")
        return layout.iter_unpack(self._bytes(self._offset(address), 2 * count))


def _search_path(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for value in values for part in value.split(":") if part)
