"""The messages of dynamic loaders, of Python and of pip, and the cause that each one shows (pure).

A message is that of one event: several rows may match a text, and the first one counts. Where old
and new releases word it differently, a row has both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.core.causes import Cause

_GLIBC = "https://sourceware.org/git/?p=glibc.git;a=blob;f=elf/"
_MUSL = "https://git.musl-libc.org/cgit/musl/tree/ldso/dynlink.c"
_IMPORT = "https://github.com/python/cpython/blob/main/Lib/importlib/_bootstrap.py"
_DYNLOAD = "https://github.com/python/cpython/blob/main/Python/importdl.c"
_PIP = "https://github.com/pypa/pip/blob/main/src/pip/_internal/"
_NUMPY = "https://numpy.org/doc/stable/user/troubleshooting-importerror.html"

GIVEN = frozenset(
    {
        Cause.MEMORY_LIMIT,
        Cause.PIDS_LIMIT,
        Cause.SIGNAL,
        Cause.ILLEGAL_INSTRUCTION,
        Cause.EMULATOR_SUSPECT,
        Cause.CPU_BASELINE,
        Cause.ENDLESS_OUTPUT,
        Cause.QUIET,
        Cause.TIMEOUT,
        Cause.TAG_REFUSED,
        Cause.DEPENDENCY_REFUSED,
    }
)
"""Causes that the end of a process shows, which needs no message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message."""

    cause: Cause
    pattern: re.Pattern[str]
    """May name ``library``, ``symbol``, ``file``, ``module``, ``package`` or ``version``."""
    source: str
    """Link to the code that writes it, or to its description."""
    by_loader: bool = False
    """Whether it says that a file cannot be loaded."""


def _row(cause: Cause, pattern: str, source: str, *, by_loader: bool = False) -> Message:
    return Message(cause=cause, pattern=re.compile(pattern), source=source, by_loader=by_loader)


def _loads(cause: Cause, pattern: str, source: str) -> Message:
    return _row(cause, pattern, source, by_loader=True)


LOADERS = (
    # glibc. The backtick of `GLIBC_2.34' became an apostrophe in 2.41.
    _loads(
        Cause.LIBC_TOO_OLD,
        r"(?P<library>\S+): version [`'](?P<version>GLIBC_[\w.]+)' not found",
        f"{_GLIBC}dl-version.c",
    ),
    _loads(
        Cause.LIBRARY_TOO_OLD,
        r"(?P<library>\S+): version [`'](?P<version>[\w.]+)' not found",
        f"{_GLIBC}dl-version.c",
    ),
    _loads(
        Cause.UNDEFINED_SYMBOL,
        r"symbol (?P<symbol>\w+),? version \S+ not defined in file (?P<library>\S+)",
        f"{_GLIBC}dl-lookup.c",
    ),
    _loads(
        Cause.UNDEFINED_SYMBOL,
        r"(?:(?P<file>/\S+): )?undefined symbol: (?P<symbol>\w+)",
        f"{_GLIBC}dl-lookup.c",
    ),
    _loads(
        Cause.STATIC_TLS,
        r"cannot allocate memory in static TLS block"
        r"|cannot load any more object with static TLS",  # before 2.22
        f"{_GLIBC}dl-reloc.c",
    ),
    _loads(Cause.EXEC_STACK, r"cannot enable executable stack", f"{_GLIBC}dl-load.c"),
    _loads(
        Cause.PAGE_SIZE,
        r"ELF load command (?:alignment|address/offset) not (?:page|properly )-?aligned",
        f"{_GLIBC}dl-load.c",
    ),
    _loads(
        Cause.WRONG_MACHINE,
        r"(?P<library>\S+): (?:wrong ELF class|ELF file data encoding not \w+-endian"
        r"|cannot open shared object file: Exec format error)",
        f"{_GLIBC}dl-load.c",
    ),
    _loads(
        Cause.UNREADABLE,
        r"(?P<library>\S+): (?:invalid ELF header|file too short|only ET_DYN and ET_EXEC can be"
        r"|cannot read file data|ELF file version|ELF file's phentsize|internal error"
        r"|object file has no (?:dynamic section|loadable segments)|cannot dynamically load)",
        f"{_GLIBC}dl-load.c",
    ),
    _loads(Cause.CPU_BASELINE, r"CPU ISA level is lower than required", f"{_GLIBC}dl-hwcaps.c"),
    _loads(
        Cause.PACKED_RELOCATIONS,
        r"DT_RELR without GLIBC_ABI_DT_RELR dependency",
        f"{_GLIBC}dl-version.c",
    ),
    _loads(
        Cause.MISSING_LIBRARY,
        r"(?P<library>\S+): cannot open shared object file",
        f"{_GLIBC}dl-load.c",
    ),
    # musl.
    _loads(
        Cause.STATIC_TLS,
        r"Error relocating (?P<file>.+?): .*initial-exec TLS resolves to dynamic definition",
        _MUSL,
    ),
    _loads(
        Cause.UNDEFINED_SYMBOL,
        r"Error relocating (?P<file>.+?): (?P<symbol>\S+): symbol not found",
        _MUSL,
    ),
    _loads(
        Cause.WRONG_MACHINE,
        r"Error relocating (?P<file>.+?): unsupported relocation type",
        _MUSL,
    ),
    _loads(
        Cause.UNREADABLE,
        r"Error loading shared library (?P<library>\S+?): Exec format error",
        _MUSL,
    ),
    _loads(
        Cause.MISSING_LIBRARY,
        r"Error loading shared library (?P<library>\S+?): (?:No such file|Permission denied)",
        _MUSL,
    ),
)
PROGRAMS = (
    _row(
        Cause.MISSING_LOADER,
        r"its loader (?P<library>\S+) does not exist",
        "https://man7.org/linux/man-pages/man2/execve.2.html",
    ),
    _row(
        Cause.WRONG_MACHINE,
        r"Exec format error",
        "https://man7.org/linux/man-pages/man2/execve.2.html",
    ),
    _row(
        Cause.CPU_BASELINE,
        r"CPU does not support x86-64-v",
        f"{_GLIBC}../sysdeps/x86/dl-get-cpu-features.c",
    ),
)
"""A program does not start; loaders write most of what is said then."""
PYTHON = (
    _loads(
        Cause.NO_INIT_FUNCTION,
        r"dynamic module does not define (?:module export|init) function",  # init: before 3.5
        _DYNLOAD,
    ),
    _row(
        Cause.ABI_MISMATCH,
        r"module (?:was )?compiled (?:against|for|using) (?:ABI|API|Python|NumPy) "
        r"|size changed, may indicate binary incompatibility"
        r"|Python version mismatch: module was compiled",
        _NUMPY,
        by_loader=True,
    ),
    _row(
        Cause.CPU_BASELINE,
        r"NumPy was built with baseline optimizations",
        _NUMPY,
        by_loader=True,
    ),
    # Also where numpy is missing, so it does not say that the module cannot be loaded.
    _row(Cause.ABI_MISMATCH, r"numpy\._?core\.multiarray failed to import", _NUMPY),
    _row(Cause.BYTECODE, r"bad magic number in '", _IMPORT),
    _row(
        Cause.PAGE_SIZE,
        r"<jemalloc>: Unsupported system page size",
        "https://github.com/jemalloc/jemalloc/blob/dev/src/pages.c",
    ),
    _row(
        Cause.MISSING_LIBRARY,
        r"(?i:not found|no such file|not exist|cannot find|could not find|unable to find|missing)"
        r".{0,200}?(?P<library>[\w./+-]+\.so(?:\.\d+)*)\b",
        "the package's own words",
    ),
)
OWN_WORDS = (
    _row(
        Cause.MISSING_LIBRARY,
        r"(?i:\b(?:shared|C) library (?:was )?not found"
        r"|\b(?:unable to|failed to|could not|cannot|can't) find "
        r"(?:\S+ )?(?:shared library|lib\w+))"
        r"|OSError: [^:]*\blibrary (?:was )?not found",
        "https://docs.python.org/3/library/ctypes.html#finding-shared-libraries",
    ),
)
"""What packages say of a library that ``ctypes.util.find_library`` does not find."""
MODULES = (
    _row(Cause.NO_MODULE, r"No module named '?(?P<module>[\w.]+)", _IMPORT),
    _row(
        Cause.NO_MODULE,
        r"cannot import name '(?P<module>\w+)' from (?:partially initialized module )?"
        r"'(?P<package>[\w.]+)'",
        "https://github.com/python/cpython/blob/main/Python/ceval.c",
    ),
)
"""A module is not found: which cause that is depends on what the wheel has."""
INSTALLER = (
    _row(
        Cause.REQUIRES_PYTHON,
        r"requires a different Python: (?P<version>\S+) not in '(?P<wanted>[^']*)'",
        f"{_PIP}resolution/resolvelib/factory.py",
    ),
    _row(
        Cause.INVALID_METADATA,
        r"has invalid metadata|Please use pip<24\.1|InvalidRequirement|Invalid requirement",
        f"{_PIP}exceptions.py",
    ),
    _row(
        Cause.CORRUPT_MEMBER,
        r"Bad CRC-32|BadZipFile|File is not a zip file|Bad magic number for|zlib\.error"
        r"|Error -\d+ while decompressing|[Ee]ncrypted|invalid distance|EOFError",
        "https://github.com/python/cpython/blob/main/Lib/zipfile/__init__.py",
    ),
    _row(
        Cause.MALFORMED_WHEEL,
        r"has an invalid wheel|located at .* is invalid|not a valid wheel filename"
        r"|Wheel-Version|outside target directory|inconsistent (?:version|name)|metadata has"
        r"|NotADirectoryError|IsADirectoryError|FileExistsError|KeyError|AssertionError|RECORD",
        f"{_PIP}operations/install/wheel.py",
    ),
)


def find_message(text: str, rows: tuple[Message, ...]) -> tuple[Message, re.Match[str]] | None:
    """Return the first of ``rows`` that matches, with its match."""
    for row in rows:
        if found := row.pattern.search(text):
            return row, found
    return None


def modules_not_found(text: str) -> Iterator[str]:
    """Yield the dotted names of the modules that a message says are not found, in its order."""
    found = [match for row in MODULES for match in row.pattern.finditer(text)]
    for match in sorted(found, key=lambda match: match.start()):
        package = match.groupdict().get("package")
        yield f"{package}.{match['module']}" if package else match["module"].rstrip(".")


def says_unloadable(text: str) -> bool:
    """Whether the import of a file failed because it cannot be loaded; ``text`` names the error.

    A loader's message in another error than ``ImportError`` is about a library that Python code
    opens itself.
    """
    rows = LOADERS + PYTHON if text.startswith("ImportError") else PYTHON
    found = find_message(text, rows)
    return found is not None and found[0].by_loader
