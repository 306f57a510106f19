"""Wheels that break one rule of dynamic loading each."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.passport import ExecStack
from harness.wheels.archive.python_sources import SourceFacts
from tests.support.forecasts import (
    BARE,
    BUNDLED,
    BY_PACKAGE,
    GLIBC,
    LIBRARY,
    LINUX_FILE,
    MODULE,
    MUSL,
    MUSL_FILE,
    OTHER,
    Case,
    elf,
    wheel,
)

FAILURES = (
    Case(
        name="such a module whose library is missing",
        wheel=wheel({MODULE: elf(init="other", needed=("libnowhere.so.1",))}, sources=BY_PACKAGE),
        cause=Cause.MISSING_LIBRARY,
        says="libnowhere.so.1",
    ),
    Case(
        name="another machine",
        wheel=wheel({MODULE: elf(machine="EM_AARCH64")}),
        cause=Cause.WRONG_MACHINE,
        says="AARCH64, 64 bits",
    ),
    Case(
        name="another word size",
        wheel=wheel({MODULE: elf(bits=32)}),
        cause=Cause.WRONG_MACHINE,
        says="32 bits",
    ),
    Case(
        name="another byte order",
        wheel=wheel({MODULE: elf(little=False)}),
        cause=Cause.WRONG_MACHINE,
        says="big-endian",
    ),
    Case(
        name="musl's libc on glibc",
        wheel=wheel({MODULE: elf(needed=("libc.musl-x86_64.so.1",))}),
        cause=Cause.LIBC_FAMILY,
        says="built for musl, this is glibc",
    ),
    Case(
        name="glibc's loader on musl",
        wheel=wheel({BARE: elf(needed=("ld-linux-x86-64.so.2",))}, filename=LINUX_FILE),
        passport=MUSL,
        cause=Cause.LIBC_FAMILY,
        says="built for glibc, this is musl",
    ),
    Case(
        name="glibc's symbols on musl, which provides libc.so.6 itself",
        wheel=wheel({BARE: elf("__memcpy_chk@GLIBC_2.3.4")}, filename=LINUX_FILE),
        passport=MUSL,
        cause=Cause.LIBC_FAMILY,
        says="__memcpy_chk",
    ),
    Case(
        name="static thread-local storage on musl",
        wheel=wheel({BARE: elf(static_tls=True)}, filename=MUSL_FILE),
        passport=MUSL,
        cause=Cause.STATIC_TLS,
        says="initial-exec",
    ),
    Case(
        name="a static variable in such storage, whose name musl lacks for its message",
        wheel=wheel(
            {BARE: elf(static_tls=True, nameless_tls=True, machine="EM_PPC64")},
            filename=MUSL_FILE,
        ),
        passport=replace(MUSL, elf_machine="EM_PPC64"),
        outcome=Outcome.CRASHED,
        cause=Cause.STATIC_TLS,
        says="initial-exec",
    ),
    Case(
        name="a 64-bit name that musl never had",
        wheel=wheel({BARE: elf("fcntl64", needed=())}, filename=MUSL_FILE),
        passport=MUSL,
        cause=Cause.UNDEFINED_SYMBOL,
        says="fcntl64",
    ),
    Case(
        name="an old name of a function that this musl lacks",
        wheel=wheel({BARE: elf("open64", needed=())}, filename=MUSL_FILE),
        passport=MUSL,
        cause=Cause.UNDEFINED_SYMBOL,
        says="open64",
    ),
    Case(
        name="a bundled library that musl would not find if it were opened first",
        wheel=wheel(
            {BARE: replace(BUNDLED, runpath=()), LIBRARY: OTHER},
            filename=MUSL_FILE,
            sources=SourceFacts(opens_libraries=True),
        ),
        passport=MUSL,
        cause=Cause.MISSING_LIBRARY,
    ),
    Case(
        name="a function of a newer Python, whatever the package opens globally",
        wheel=wheel({MODULE: elf("PyNothing_New")}, sources=SourceFacts(opens_globally=True)),
        cause=Cause.UNDEFINED_SYMBOL,
        says="PyNothing_New",
    ),
    Case(
        name="a missing library",
        wheel=wheel({MODULE: elf(needed=("libpq.so.5", "libc.so.6"))}),
        cause=Cause.MISSING_LIBRARY,
        says="libpq.so.5",
    ),
    Case(
        name="a bundled library outside of the search path",
        wheel=wheel({MODULE: replace(BUNDLED, runpath=()), LIBRARY: elf(init="", needed=())}),
        cause=Cause.MISSING_LIBRARY,
        says="libother-1.so",
    ),
    Case(
        name="a newer version of the libc's symbols",
        wheel=wheel({MODULE: elf("x@GLIBC_2.38", version_needs={"libc.so.6": ("GLIBC_2.38",)})}),
        cause=Cause.LIBC_TOO_OLD,
        says="GLIBC_2.38",
    ),
    Case(
        name="a newer libc, on a target without recorded libraries",
        wheel=wheel({MODULE: elf("x@GLIBC_2.38", version_needs={"libc.so.6": ("GLIBC_2.38",)})}),
        passport=replace(GLIBC, libraries=(), linked=(), exports=""),
        cause=Cause.LIBC_TOO_OLD,
    ),
    Case(
        name="a newer C++ library",
        wheel=wheel(
            {
                MODULE: elf(
                    needed=("libstdc++.so.6",),
                    version_needs={"libstdc++.so.6": ("GLIBCXX_3.4.32",)},
                )
            }
        ),
        cause=Cause.LIBRARY_TOO_OLD,
        says="GLIBCXX_3.4.32",
    ),
    Case(
        name="a symbol that nothing defines",
        wheel=wheel({MODULE: elf("nowhere")}),
        cause=Cause.UNDEFINED_SYMBOL,
        says="undefined: nowhere",
    ),
    Case(
        name="a symbol of a library that is not loaded",
        wheel=wheel({MODULE: elf("_Znwm@GLIBCXX_3.4")}),
        cause=Cause.UNDEFINED_SYMBOL,
        says="_Znwm",
    ),
    Case(
        name="a newer function than the stable ABI's floor",
        wheel=wheel(
            {"demo/_inner.abi3.so": elf("PyType_GetModuleByDef")},
            filename="demo-1.0-cp38-abi3-manylinux_2_17_x86_64.whl",
        ),
        cause=Cause.UNDEFINED_SYMBOL,
        says="define Py_LIMITED_API",
    ),
    Case(
        name="an executable stack on a glibc that refuses it",
        wheel=wheel({MODULE: elf(exec_stack=True)}),
        passport=replace(GLIBC, exec_stack=ExecStack.REFUSED),
        cause=Cause.EXEC_STACK,
        says="noexecstack",
    ),
    Case(
        name="packed relocations before musl 1.2.4",
        wheel=wheel(
            {BARE: elf(packed_relocations=True, needed=("libc.musl-x86_64.so.1",))},
            filename=MUSL_FILE,
        ),
        passport=replace(MUSL, libc="musl 1.2.3"),
        outcome=Outcome.CRASHED,
        cause=Cause.PACKED_RELOCATIONS,
        says="musl 1.2.4",
    ),
    Case(
        name="packed relocations before glibc 2.36",
        wheel=wheel({MODULE: elf(packed_relocations=True)}),
        passport=replace(GLIBC, libc="glibc 2.31"),
        outcome=Outcome.CRASHED,
        cause=Cause.PACKED_RELOCATIONS,
        says="glibc 2.36",
    ),
    Case(
        name="a higher x86-64 level than that of the CPU",
        wheel=wheel({MODULE: elf(isa_level=3)}),
        passport=replace(GLIBC, isa_level=2),
        cause=Cause.CPU_BASELINE,
        says="it needs x86-64-v3; the CPU has x86-64-v2",
    ),
    Case(
        name="segments smaller than a page",
        wheel=wheel(),
        passport=replace(GLIBC, page_size=65536),
        cause=Cause.PAGE_SIZE,
        says="max-page-size=65536",
    ),
)


@pytest.mark.parametrize("case", FAILURES, ids=lambda case: case.name)
def test_failure(case: Case) -> None:
    """It does not import, for the expected cause."""
    case.check()
