"""Which standard modules are built in: a release's own ``Modules/Setup`` in, ``Setup.local`` out.

Pure. Built in, an interpreter needs no file beside itself, and flavours share every
object. The modules that test the import of extensions stay shared: they are what shows
that a replica reads the names it should. Which objects are worth optimizing is told too.
"""

import re

LIBRARIES = "../libraries"
"""Where the libraries are, seen from the build directory."""

BUILT_IN = (
    *("array", "math", "cmath", "_contextvars", "_struct", "_random", "_pickle", "_datetime"),
    *("_zoneinfo", "_bisect", "_heapq", "_asyncio", "_json", "_statistics", "unicodedata"),
    *("fcntl", "grp", "select", "mmap", "_csv", "_socket", "termios", "resource", "_typing"),
    *("_posixsubprocess", "_posixshmem", "_multiprocessing", "audioop", "syslog", "binascii"),
    *("_md5", "_sha1", "_sha2", "_sha256", "_sha512", "_sha3", "_blake2", "pyexpat"),
    *("_elementtree", "_queue", "_opcode", "_lsprof", "_interpreters", "_interpchannels"),
    *("_interpqueues", "_xxsubinterpreters", "_multibytecodec", "_codecs_jp"),
)
"""What pip and common wheels import; a release that lacks one of them lacks it here too."""

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
"""Objects of some release that are compiled for speed: what an import and pip's work run
through. Under emulation pip's import takes as long as when all are, within 2 %; what is left
out takes a fifth of the seconds."""

_SHARED = ("_testmultiphase", "_testimportmultiple", "_testsinglephase")

_MULTIPROCESSING = "_multiprocessing/multiprocessing.c _multiprocessing/semaphore.c"
_OWN = {
    # What a release's Setup does not list, up to 3.10 because setup.py builds it.
    "_queue": "_queuemodule.c",
    "_opcode": "_opcode.c",
    "_lsprof": "_lsprof.c rotatingtree.c",
    "_posixshmem": "_multiprocessing/posixshmem.c -I$(srcdir)/Modules/_multiprocessing",
    "_multiprocessing": f"{_MULTIPROCESSING} -I$(srcdir)/Modules/_multiprocessing",
    "_testmultiphase": "_testmultiphase.c",
    "_testimportmultiple": "_testimportmultiple.c",
}

# A word with = would make the line a definition for makesetup: no -DNAME=1.
_CTYPES = " ".join(
    f"_ctypes/{name}.c" for name in ("_ctypes", "callbacks", "callproc", "stgdict", "cfield")
)
_FFI = "-DHAVE_FFI_PREP_CIF_VAR -DHAVE_FFI_PREP_CLOSURE_LOC -DHAVE_FFI_CLOSURE_ALLOC"
_OPENSSL = f"-I{LIBRARIES}/include {LIBRARIES}/lib/libssl.a {LIBRARIES}/lib/libcrypto.a"
_ALWAYS = (
    f"zlib zlibmodule.c -I{LIBRARIES}/include {LIBRARIES}/lib/libz.a",
    f"_ctypes {_CTYPES} {_FFI} -I{LIBRARIES}/include {LIBRARIES}/lib/libffi.a",
    f"_ssl _ssl.c {_OPENSSL}",
    f"_hashlib _hashopenssl.c {_OPENSSL}",
)

# `#name source.c flags  # words` up to 3.10, `@MODULE_NAME_TRUE@name source.c` from 3.11 on.
_LINE = re.compile(r"^(?:#|@MODULE_\w+_TRUE@)(?P<name>\w+)\s+(?P<rest>\S.*)$", re.MULTILINE)


def setup_local(setup: str) -> str:
    """Return the ``Setup.local`` for a release, from the text of its own list of modules.

    ``setup`` is ``Modules/Setup`` up to 3.10 and ``Modules/Setup.stdlib.in`` from 3.11 on.
    """
    known = {**_OWN, **_listed(setup)}
    built_in = [f"{name} {known[name]}" for name in BUILT_IN if name in known]
    shared = [f"{name} {known[name]}" for name in shared_modules(setup)]
    return "\n".join(["*static*", *built_in, *_ALWAYS, "*shared*", *shared, ""])


def fast_objects() -> str:
    """Return the line for the end of a Makefile that has some objects compiled for speed."""
    return f"\n{' '.join(_FAST)}: OPT += -O2\n"


def shared_modules(setup: str) -> tuple[str, ...]:
    """Return the names of the modules that a release has as files, from the same text."""
    known = {**_OWN, **_listed(setup)}
    return tuple(name for name in _SHARED if name in known)


def _listed(setup: str) -> dict[str, str]:
    lines = {}
    for found in _LINE.finditer(setup):
        rest = found["rest"].partition("#")[0].strip()
        if ".c" in rest:
            lines[found["name"]] = rest
    return lines
