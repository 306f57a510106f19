"""Read the facts of a wheel: archive directory, metadata, native members and findings."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from harness.core.errors import WheelError
from harness.core.wheel_findings import FindingCode, WheelFinding
from harness.wheels.archive.data_schemes import site_path
from harness.wheels.archive.elf import MAGIC, ElfFacts, UnreadableElf, read_elf
from harness.wheels.archive.filename import WheelName, parse_wheel_name
from harness.wheels.archive.metadata import check_data_directory, find_dist_info, read_metadata
from harness.wheels.archive.python_sources import LIBRARY, MOST_SOURCE, SourceFacts, SourceReader
from harness.wheels.archive.record import check_listing, parse_record
from harness.wheels.archive.zip_reader import Archive, Member, open_archive

MOST_NATIVE = 1 << 30
"""Bytes of one native member, which is read into memory."""
MOST_NATIVE_TOGETHER = 3 << 30
"""Bytes of all native members, which are read one after the other."""
MOST_SYMBOLS_TOGETHER = 2 << 20
"""Dynamic symbols of all native members, which stay in memory."""
MOST_RECORD = 16 << 20
_SO, _MOST_NAME = b".so", 120
_NAME_END = re.compile(rb"[\w.+-]+\Z", re.ASCII)
_SUFFIX = re.compile(rb"\.so(?:\.[0-9]+)*", re.ASCII)
_PYTHON_LINE = re.compile(rb"#!\s*(?:python|\S*/env\s+python|\S*/python)")
_MAGIC_SIZE = 4
"""Bytes of bytecode's magic number: two of the number, then a line end (``MAGIC_NUMBER``)."""
_CFFI = "_cffi_backend"
_FORMATS = {
    b"\xcf\xfa\xed\xfe": "it is a file of macOS (Mach-O)",
    b"\xce\xfa\xed\xfe": "it is a file of macOS (Mach-O)",
    b"\xca\xfe\xba\xbe": "it is a file of macOS (Mach-O)",
    b"MZ": "it is a file of Windows (PE)",
    b"version https://git-lfs": "it is a pointer of Git LFS, and not the file",
}
"""How files begin that are named like a library and are none, and what they are."""
_FOR_MACOS = re.compile(r"\.cpython-\w+-darwin\.so$")
"""The name of a module that Python on Linux does not look for."""
_ARRAY_ABI = {
    b"module was compiled against NumPy C-API version": 2,
    b"module compiled against API version 0x%x but this version of numpy": 1,
}
"""What ``import_array`` says, by the major version of the headers that it was compiled with."""
_CYTHON = b"cython_runtime"
"""A module that every module of Cython makes (``Cython/Utility/ModuleSetupCode.c``)."""
_NEVER_NATIVE = frozenset({".py", ".pyi", ".h", ".hpp", ".txt", ".md", ".rst", ".json", ".html"})


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeMember:
    """One ELF file of a wheel, with any name, or another file with the name of a library."""

    name: str
    size: int
    elf: ElfFacts | UnreadableElf
    imports: tuple[str, ...] = ()
    """What its init function imports, where that is known: of modules that cffi generated
    (``PyImport_ImportModule("_cffi_backend")`` in its ``_cffi_include.h``)."""
    executable: bool = False
    """Whether an installer makes it executable: by its mode in the archive."""
    names: tuple[str, ...] = ()
    """Libraries of the same wheel whose file names it holds, as what it opens itself has."""
    array_abi: int = 0
    """Major version of NumPy's C API that Cython's ``import_array`` in it needs; 0 if it has none.
    A module of version 1 does not run with 2; one of 2 runs with both
    (https://numpy.org/doc/stable/dev/depending_on_numpy.html). Modules that are written by hand
    may go on without NumPy, as those of TensorFlow Lite do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelFacts:
    """The metadata and members of one wheel."""

    name: WheelName
    pure: bool
    """Root-Is-Purelib: its root is installed to purelib, not platlib."""
    generator: str
    """The Generator field of WHEEL."""
    requires_python: str
    requires_dist: tuple[str, ...]
    members: tuple[Member, ...]
    native: tuple[NativeMember, ...]
    modules: tuple[str, ...]
    """Top-level modules and packages, sorted."""
    top_level: tuple[str, ...] = ()
    """The names in top_level.txt, which setuptools writes and other tools need not."""
    findings: tuple[WheelFinding, ...] = ()
    """The wheel's defects."""
    sources: SourceFacts = field(default_factory=SourceFacts)
    """What its Python files say; nothing if they were not read."""
    commands: tuple[str, ...] = ()
    """The objects that its console and GUI scripts call: ``demo.cli:main``."""
    scripts: tuple[str, ...] = ()
    """Members in ``.data/scripts`` that name an interpreter (``#!``) other than Python."""
    bytecode: tuple[tuple[str, int], ...] = ()
    """Members with bytecode that are imported themselves, for want of source (PEP 3147), with the
    magic number that names their version of Python."""

    @property
    def unread(self) -> bool:
        """Whether reading it went beyond a limit, so that nothing is known of its files."""
        return any(finding.code is FindingCode.NOT_READ for finding in self.findings)


def read_wheel(path: Path) -> WheelFacts:
    """Read the wheel at ``path``.

    Raises ``WheelError`` for a file that is no zip archive, or not named like a wheel.
    """
    if path.exists() and not path.is_file():
        raise WheelError(f"{path}: not a regular file; give the path of a wheel file")
    try:
        with path.open("rb") as stream:
            return read_contents(path.name, stream)
    except OSError as error:
        raise WheelError(f"{path}: {error.strerror}; give the path of a wheel file") from error


def read_contents(filename: str, stream: BinaryIO) -> WheelFacts:
    """Read a wheel of that file name from a seekable stream. Raises as ``read_wheel``."""
    name = parse_wheel_name(filename)
    with open_archive(filename, stream) as archive:
        dist_info = find_dist_info(archive, name)
        metadata = read_metadata(archive, dist_info, name)
        check_data_directory(archive.members, name, archive.findings)
        _check_record(archive, dist_info)
        sources = SourceReader(tuple(member.name for member in archive.members))
        native = () if archive.oversized else tuple(_native_members(archive, sources))
        return WheelFacts(
            name=name,
            pure=metadata.pure,
            generator=metadata.generator,
            requires_python=metadata.requires_python,
            requires_dist=metadata.requires_dist,
            top_level=metadata.top_level,
            members=archive.members,
            native=native,
            modules=top_modules(archive.members),
            findings=archive.findings.found(),
            sources=sources.facts(),
            commands=metadata.commands,
            scripts=tuple(_scripts(archive)),
            bytecode=tuple(_sourceless(archive)),
        )


def _check_record(archive: Archive, dist_info: str) -> None:
    member = f"{dist_info}/RECORD"
    if any(each.name == member for each in archive.members):
        with suppress(WheelError):  # the archive has the finding
            text = archive.read(member, at_most=MOST_RECORD).decode("utf-8", "replace")
            check_listing(archive.members, parse_record(text, archive.findings), archive.findings)


def _native_members(archive: Archive, sources: SourceReader) -> Iterator[NativeMember]:
    """Yield the native files, read the Python files, and check that all others can be unpacked."""
    reader = NativeReader(archive)
    for member in archive.members:
        suffix = PurePosixPath(member.name).suffix
        with suppress(WheelError):  # the archive has the finding
            if suffix == ".py" and member.size <= MOST_SOURCE:
                sources.add(member.name, archive.read(member.name, at_most=MOST_SOURCE))
            elif suffix not in _NEVER_NATIVE and (native := reader.member(member)):
                yield native
            else:
                archive.check(member.name)


class NativeReader:
    """Reads the native members of an archive up to the limits on them together."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        names = {PurePosixPath(member.name).name for member in archive.members}
        self._libraries = {name for name in names if LIBRARY.search(name)}
        self._bytes_left = MOST_NATIVE_TOGETHER
        self._symbols_left = MOST_SYMBOLS_TOGETHER

    def member(self, member: Member) -> NativeMember | None:
        """Return the facts of an ELF file, or of another one that is named like a library.

        None for all others. Raises ``WheelError`` if it cannot be unpacked.
        """
        head = self._archive.head(member.name, _MOST_NAME)
        if head.startswith(MAGIC):
            native = self._read(member)
        elif LIBRARY.search(member.name) and not _FOR_MACOS.search(member.name):
            self._archive.check(member.name)
            elf = UnreadableElf(reason=_format_of(head), foreign=True)
            native = NativeMember(name=member.name, size=member.size, elf=elf)
        else:
            return None
        return replace(native, executable=self._archive.is_executable(member.name))

    def _read(self, member: Member) -> NativeMember:
        unread = NativeMember(
            name=member.name,
            size=member.size,
            elf=UnreadableElf(reason=f"it has {member.size} bytes; the limit is {MOST_NATIVE}"),
        )
        if member.size > MOST_NATIVE:
            return unread
        self._bytes_left -= member.size
        if self._bytes_left < 0:
            return replace(unread, elf=_too_many(MOST_NATIVE_TOGETHER, "bytes"))
        data = self._archive.read(member.name, at_most=MOST_NATIVE)
        elf = read_elf(io.BytesIO(data))
        if isinstance(elf, ElfFacts):
            self._symbols_left -= len(elf.undefined) + len(elf.exported)
        if self._symbols_left < 0:
            elf = _too_many(MOST_SYMBOLS_TOGETHER, "symbols")
        own = PurePosixPath(member.name).name
        return replace(
            unread,
            elf=elf,
            imports=(_CFFI,) if b"\0%s\0" % _CFFI.encode() in data else (),
            names=tuple(sorted(self._libraries.intersection(_library_names(data)) - {own})),
            array_abi=_array_abi(data) if _CYTHON in data else 0,
        )


def _array_abi(data: bytes) -> int:
    return next((abi for text, abi in _ARRAY_ABI.items() if text in data), 0)


def _format_of(head: bytes) -> str:
    known = (words for start, words in _FORMATS.items() if head.startswith(start))
    return next(known, "it does not begin with the ELF magic" if head else "it is empty")


def _library_names(data: bytes) -> Iterator[str]:
    """Yield the file names of libraries that are in the data."""
    at = data.find(_SO)
    while at >= 0:
        before = _NAME_END.search(data[max(at - _MOST_NAME, 0) : at])
        after = _SUFFIX.match(data, at)
        if before and after:
            yield (before.group() + after.group()).decode("ascii")
        at = data.find(_SO, at + 1)


def _scripts(archive: Archive) -> Iterator[str]:
    """Yield the scripts that name an interpreter; an installer writes Python's into the others."""
    for member in archive.members:
        root, _, rest = member.name.partition("/")
        if root.endswith(".data") and rest.startswith("scripts/"):
            with suppress(WheelError):
                head = archive.head(member.name, _MOST_NAME)
                if head.startswith(b"#!") and not _PYTHON_LINE.match(head):
                    yield member.name


def _sourceless(archive: Archive) -> Iterator[tuple[str, int]]:
    """Yield bytecode without source, and its magic number."""
    names = {member.name for member in archive.members}
    for name in sorted(names):
        if name.endswith(".pyc") and "__pycache__/" not in name and name[:-1] not in names:
            with suppress(WheelError):
                head = archive.head(name, _MAGIC_SIZE)
                if len(head) == _MAGIC_SIZE and head.endswith(b"\r\n"):
                    yield name, int.from_bytes(head[:2], "little")


def _too_many(limit: int, what: str) -> UnreadableElf:
    return UnreadableElf(reason=f"the wheel's native files have more than {limit} {what} together")


def top_modules(members: Sequence[Member]) -> tuple[str, ...]:
    """Return the top-level modules and packages of the members, sorted."""
    return tuple(sorted({module for member in members if (module := _module(member.name))}))


def _module(member: str) -> str:
    """Return the top-level module or package of a member; empty if it has none."""
    parts = site_path(member).split("/")
    stem, dot, _ = parts[-1].partition(".")
    name = parts[0] if len(parts) > 1 else stem
    importable = dot and PurePosixPath(parts[-1]).suffix in (".py", ".so")
    return name if importable and name.isidentifier() else ""
