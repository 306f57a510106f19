"""The libraries that are compiled from a list of files: zlib, bzip2, liblzma and SQLite.

Their own build systems would ask the compiler hundreds of questions for each arch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.arches import Arch
from harness.images.debian import SourceChoice

_SUITES = ("trixie", "bookworm")
_FILTERS = ("X86", "ARM", "ARM64", "ARMTHUMB", "POWERPC", "IA64", "SPARC", "RISCV", "DELTA")
_CODERS = ("LZMA1", "LZMA2", *_FILTERS)
_LZMA_FOLDERS = ("check", "common", "delta", "lz", "lzma", "rangecoder", "simple")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainLibrary:
    """A static library and how it is compiled."""

    name: str
    """``libz.a``"""
    source: SourceChoice
    files: tuple[str, ...]
    """Globs of its C files, below the top of the source."""
    without: tuple[str, ...] = ()
    """Globs of file names that are left out: programs, and variants that need threads."""
    headers: tuple[str, ...]
    """Globs of its public headers."""
    header_folder: str = "."
    """Folder of the source to which the headers' paths are relative."""
    defines: tuple[str, ...] = ()
    level: str = "-O0"
    """Optimization; most of the code never runs."""
    include_folders: tuple[str, ...] = ()


ZLIB = PlainLibrary(
    name="libz.a",
    source=SourceChoice(name="zlib", suites=_SUITES),
    files=("*.c",),
    headers=("zlib.h", "zconf.h"),
    defines=("HAVE_UNISTD_H", "HAVE_STDARG_H"),
    level="-O2",  # pip unpacks wheels with it
)
PLAIN_LIBRARIES = (
    ZLIB,
    PlainLibrary(
        name="libbz2.a",
        source=SourceChoice(name="bzip2", suites=_SUITES),
        files=("*.c",),
        without=("bzip2.c", "bzip2recover.c", "dlltest.c", "mk251.c", "spewG.c", "unzcrash.c"),
        headers=("bzlib.h",),
        defines=("_FILE_OFFSET_BITS=64",),
    ),
    PlainLibrary(
        name="liblzma.a",
        source=SourceChoice(name="xz-utils", suites=_SUITES),
        files=(
            *(f"src/liblzma/{folder}/*.c" for folder in _LZMA_FOLDERS),
            "src/common/tuklib_physmem.c",
        ),
        # CPython calls no function with threads.
        without=("*_gen.c", "*_mt.c", "*_small.c", "*_tablegen.c", "hardware_cputhreads.c"),
        headers=("lzma.h", "lzma/*.h"),
        header_folder="src/liblzma/api",
        defines=(
            "TUKLIB_SYMBOL_PREFIX=lzma_",
            "TUKLIB_PHYSMEM_SYSCONF",
            *("HAVE_STDBOOL_H", "HAVE_STDINT_H", "HAVE_INTTYPES_H", "HAVE_LIMITS_H"),
            *("HAVE_CHECK_CRC32", "HAVE_CHECK_CRC64", "HAVE_CHECK_SHA256"),
            *("HAVE_ENCODERS", *(f"HAVE_ENCODER_{name}" for name in _CODERS)),
            *("HAVE_DECODERS", *(f"HAVE_DECODER_{name}" for name in _CODERS)),
            *(f"HAVE_MF_{name}" for name in ("HC3", "HC4", "BT2", "BT3", "BT4")),
            "HAVE_LZIP_DECODER",
        ),
        include_folders=(
            "src/liblzma/api",
            *(f"src/liblzma/{folder}" for folder in _LZMA_FOLDERS),
            "src/common",
        ),
    ),
    PlainLibrary(
        # The source of Perl's module has SQLite as one file. Debian's own needs Tcl to make that.
        name="libsqlite3.a",
        source=SourceChoice(name="libdbd-sqlite3-perl", suites=_SUITES),
        files=("sqlite3.c",),
        headers=("sqlite3.h",),
        defines=("SQLITE_ENABLE_COLUMN_METADATA",),
    ),
)
"""The libraries; ``SourceChoice`` names are those of Debian's source packages."""

_ARCH_OPTIONS = {
    # zig has no runtime for IBM's long double, which _ARCH_FLAGS in toolchain.py asks for.
    ("libsqlite3.a", "ppc64le"): ("-mlong-double-64",),
}


def compile_arguments(library: PlainLibrary, arch: Arch, source: Path) -> Iterator[str]:
    """Yield the compiler's arguments: optimization, definitions, include folders and files."""
    yield library.level
    yield from _ARCH_OPTIONS.get((library.name, arch.name), ())
    defines = list(library.defines)
    if not arch.elf_little:
        defines.append("WORDS_BIGENDIAN")
    for word in defines:
        yield f"-D{word}"
    for folder in library.include_folders:
        yield f"-I{source / folder}"
    yield f"-DSIZEOF_SIZE_T={arch.elf_bits // 8}"
    for pattern in library.files:
        for file in sorted(source.glob(pattern)):
            if not any(file.match(name) for name in library.without):
                yield str(file)
