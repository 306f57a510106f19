"""``Setup.local`` for a release: which standard modules are built in, which are shared.

Pure. An interpreter with built-in modules is one file, and all namings share its objects. The
modules that test the import of extensions stay shared, since they show that a replica imports the
right names. This module also lists the objects that are worth optimizing.
"""

import re

LIBRARIES = "../libraries"
"""Path of the libraries from the build directory."""

BUILT_IN = (
    *("array", "math", "_math_integer", "cmath", "_contextvars", "_struct", "_random", "_pickle"),
    *("_datetime", "_zoneinfo", "_bisect", "_heapq", "_asyncio", "_json", "_statistics"),
    "unicodedata",
    *("fcntl", "grp", "select", "mmap", "_csv", "_socket", "termios", "resource", "_typing"),
    *("_posixsubprocess", "_posixshmem", "_multiprocessing", "audioop", "syslog", "binascii"),
    *("_md5", "_sha1", "_sha2", "_sha256", "_sha512", "_sha3", "_blake2", "pyexpat"),
    *("_elementtree", "_queue", "_opcode", "_lsprof", "_interpreters", "_interpchannels"),
    *("_interpqueues", "_xxsubinterpreters", "spwd", "_multibytecodec", "_codecs_cn"),
    *("_codecs_hk", "_codecs_iso2022", "_codecs_jp", "_codecs_kr", "_codecs_tw"),
)
"""Modules that pip and common wheels import, if the release has them."""

_FAST = (
    *("Objects/%.o", "Parser/%.o", "Parser/pegen/%.o", "Modules/_io/%.o", "Modules/_sre/%.o"),
    *(
        f"Python/{name}.o"
        for name in (
            *("Python-ast", "ast", "ast_opt", "bltinmodule", "ceval", "codecs", "compile"),
            *("context", "dtoa", "errors", "fileutils", "flowgraph", "getargs", "import"),
            *("instrumentation", "marshal", "modsupport", "mysnprintf", "peephole", "pyarena"),
            *("pyhash", "pystate", "pystrhex", "specialize", "structmember", "symtable"),
            *("assemble", "ceval_gil", "critical_section", "frame", "gc", "lock", "thread"),
            "traceback",
        )
    ),
    *(
        f"Modules/{name}.o"
        for name in (
            *("_abc", "_codecsmodule", "_collectionsmodule", "_csv", "_functoolsmodule", "_json"),
            *("_operator", "_randommodule", "_sre", "_struct", "_threadmodule", "_weakref"),
            *("binascii", "gcmodule", "hashtable", "itertoolsmodule", "posixmodule"),
            *("signalmodule", "timemodule", "zlibmodule"),
        )
    ),
)
"""Objects of some release that imports and pip use most. With only these optimized, pip's import
under emulation is within 2 % of a fully optimized build, and compiling takes a fifth less."""

_SHARED = ("_testmultiphase", "_testimportmultiple", "_testsinglephase")

_SQLITE_FILES = (
    *("cache", "connection", "cursor", "microprotocols", "module", "prepare_protocol"),
    *("row", "statement", "util"),
)
_MULTIPROCESSING = "_multiprocessing/multiprocessing.c _multiprocessing/semaphore.c"
_OWN = {
    # Not listed in a release's Setup; up to 3.10 setup.py builds them.
    "_queue": "_queuemodule.c",
    "_opcode": "_opcode.c",
    "_lsprof": "_lsprof.c rotatingtree.c",
    "_posixshmem": "_multiprocessing/posixshmem.c -I$(srcdir)/Modules/_multiprocessing",
    "_multiprocessing": f"{_MULTIPROCESSING} -I$(srcdir)/Modules/_multiprocessing",
    "_sqlite3": " ".join(f"_sqlite/{name}.c" for name in _SQLITE_FILES),
    "_testmultiphase": "_testmultiphase.c",
    "_testimportmultiple": "_testimportmultiple.c",
}

# No -DNAME=1: makesetup reads a line with = as a definition.
_CTYPES = " ".join(
    f"_ctypes/{name}.c" for name in ("_ctypes", "callbacks", "callproc", "stgdict", "cfield")
)
_FFI = "-DHAVE_FFI_PREP_CIF_VAR -DHAVE_FFI_PREP_CLOSURE_LOC -DHAVE_FFI_CLOSURE_ALLOC"
_OPENSSL = f"-I{LIBRARIES}/include {LIBRARIES}/lib/libssl.a {LIBRARIES}/lib/libcrypto.a"
_ALWAYS = (
    f"zlib zlibmodule.c -I{LIBRARIES}/include {LIBRARIES}/lib/libz.a",
    f"_bz2 _bz2module.c -I{LIBRARIES}/include {LIBRARIES}/lib/libbz2.a",
    f"_lzma _lzmamodule.c -I{LIBRARIES}/include {LIBRARIES}/lib/liblzma.a",
    f"_ctypes {_CTYPES} {_FFI} -I{LIBRARIES}/include {LIBRARIES}/lib/libffi.a",
    f"_ssl _ssl.c {_OPENSSL}",
    f"_hashlib _hashopenssl.c {_OPENSSL}",
)

_SQLITE = (
    "-DPY_SQLITE_ENABLE_LOAD_EXTENSION -DPY_SQLITE_HAVE_SERIALIZE "
    f"-I{LIBRARIES}/include {LIBRARIES}/lib/libsqlite3.a"
)
_SQLITE_OBJECTS = " ".join(f"Modules/{name}.o" for name in _SQLITE_FILES)
"""Objects of releases up to 3.10, whose headers do not define MODULE_NAME."""

# `#name source.c flags  # words` up to 3.10, `@MODULE_NAME_TRUE@name source.c` from 3.11 on.
_LINE = re.compile(r"^(?:#|@MODULE_\w+_TRUE@)(?P<name>\w+)\s+(?P<rest>\S.*)$", re.MULTILINE)


def setup_local(setup: str) -> str:
    """Return the ``Setup.local`` for a release.

    ``setup`` is the text of its ``Modules/Setup`` up to 3.10, else of ``Modules/Setup.stdlib.in``.
    """
    known = {**_OWN, **_listed(setup)}
    built_in = [f"{name} {known[name]}" for name in BUILT_IN if name in known]
    shared = [f"{name} {known[name]}" for name in shared_modules(setup)]
    sqlite = f"_sqlite3 {known['_sqlite3']} {_SQLITE}"
    return "\n".join(["*static*", *built_in, *_ALWAYS, sqlite, "*shared*", *shared, ""])


def object_flags() -> str:
    """Return the Makefile lines with the flags of some objects, to be appended."""
    return (
        f"\n{' '.join(_FAST)}: OPT += -O2\n{_SQLITE_OBJECTS}: OPT += -DMODULE_NAME='\"sqlite3\"'\n"
    )


def shared_modules(setup: str) -> tuple[str, ...]:
    """Return the names of a release's shared modules; ``setup`` as in ``setup_local``."""
    known = {**_OWN, **_listed(setup)}
    return tuple(name for name in _SHARED if name in known)


def _listed(setup: str) -> dict[str, str]:
    lines = {}
    for found in _LINE.finditer(setup):
        rest = found["rest"].partition("#")[0].strip()
        if ".c" in rest:
            lines[found["name"]] = rest
    return lines
