"""Headers and compiler arguments for libffi, whose configure results are fixed here."""

from pathlib import Path

from harness.core.arches import Arch
from harness.core.errors import BuildError

_FFI_TARGETS = {
    # From libffi's configure.host: target, folder, files.
    "x86_64": ("X86_64", "x86", ("ffi64.c", "unix64.S", "ffiw64.c", "win64.S")),
    "i686": ("X86", "x86", ("ffi.c", "sysv.S")),
    "aarch64": ("AARCH64", "aarch64", ("ffi.c", "sysv.S")),
    "armv7l": ("ARM", "arm", ("ffi.c", "sysv.S")),
    "ppc64le": ("POWERPC", "powerpc", ("ffi.c", "ffi_linux64.c", "linux64.S", "linux64_closure.S")),
    "s390x": ("S390", "s390", ("ffi.c", "sysv.S")),
    "riscv64": ("RISCV", "riscv", ("ffi.c", "sysv.S")),
}
_FFI_COMMON = ("prep_cif.c", "types.c", "raw_api.c", "java_raw_api.c", "closures.c", "tramp.c")

_FFI_CONFIG = """\
#define EH_FRAME_FLAGS "a"
#define HAVE_ALLOCA_H 1
#define HAVE_AS_CFI_PSEUDO_OP 1
#define HAVE_AS_S390_ZARCH 1
#define HAVE_AS_X86_PCREL 1
#define HAVE_HIDDEN_VISIBILITY_ATTRIBUTE 1
#define HAVE_INTTYPES_H 1
#define HAVE_MEMCPY 1
#define HAVE_RO_EH_FRAME 1
#define HAVE_STDINT_H 1
#define HAVE_STDLIB_H 1
#define HAVE_STRING_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_UNISTD_H 1
#define STDC_HEADERS 1
#if __SIZEOF_LONG_DOUBLE__ > __SIZEOF_DOUBLE__
#define HAVE_LONG_DOUBLE 1
#endif
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define WORDS_BIGENDIAN 1
#endif
#ifdef __x86_64__
#define HAVE_AS_X86_64_UNWIND_SECTION_TYPE 1
#endif
#ifdef LIBFFI_ASM
#define FFI_HIDDEN(name) .hidden name
#else
#define FFI_HIDDEN __attribute__ ((visibility ("hidden")))
#endif
"""

# CPython up to 3.10 defines these types too, so a static link would have duplicate symbols.
_FFI_WEAK = "".join(
    f"#pragma weak ffi_type_{name}\n"
    for name in (
        *("uint8", "sint8", "uint16", "sint16", "uint32", "sint32", "uint64", "sint64"),
        *("float", "double", "longdouble", "pointer", "void"),
    )
)


def libffi_arguments(include: Path, arch: Arch, source: Path) -> tuple[str, ...]:
    """Write libffi's headers into ``include`` and return the compiler arguments for its sources.

    Raises ``BuildError`` for an arch without an entry here.
    """
    if arch.name not in _FFI_TARGETS:
        raise BuildError(
            f"no libffi sources known for {arch.name}; known: {' '.join(_FFI_TARGETS)}"
        )
    target, place, files = _FFI_TARGETS[arch.name]
    (include / "ffi.h").write_text(_header(source, target))
    (include / "fficonfig.h").write_text(f"{_FFI_CONFIG}#ifndef LIBFFI_ASM\n{_FFI_WEAK}#endif\n")
    (include / "ffitarget.h").write_bytes((source / "src" / place / "ffitarget.h").read_bytes())
    own = [str(source / "src" / place / name) for name in files]
    common = [str(source / "src" / name) for name in _FFI_COMMON]
    folders = (f"-I{include}", f"-I{source / 'include'}", f"-I{source / 'src'}")
    return (*folders, f"-D{target}", *own, *common)


def _header(source: Path, target: str) -> str:
    header = (source / "include/ffi.h.in").read_text()
    for word, value in {
        "@TARGET@": target,
        "@HAVE_LONG_DOUBLE@": "__SIZEOF_LONG_DOUBLE__ > __SIZEOF_DOUBLE__",
        "@FFI_EXEC_TRAMPOLINE_TABLE@": "0",
    }.items():
        header = header.replace(word, value)
    return header
