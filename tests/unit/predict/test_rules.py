"""Each rule of imports with a wheel that breaks only that rule."""

from dataclasses import dataclass, field, replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.passport import ExecStack, Passport, SystemLibrary
from harness.predict import predict
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.elf import UnreadableElf
from harness.wheels.archive.python_sources import SourceFacts
from tests.support.forecasts import FILENAME, GLIBC, GNU, MODULE, MUSL, elf, symbols, wheel

MUSL_FILE = "demo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl"
PURE_FILE = "demo-1.0-py3-none-any.whl"
LINUX_FILE = "demo-1.0-cp311-cp311-linux_x86_64.whl"
BARE = "demo/_inner.so"
LIBRARY = "demo.libs/libother-1.so"
BUNDLED = elf(
    "other_answer", needed=("libother-1.so", "libc.so.6"), runpath=("$ORIGIN/../demo.libs",)
)

OTHER = elf(init="", needed=(), soname="libother-1.so", exported=("other_answer",))


BY_PACKAGE = SourceFacts(imports={"demo": ("demo._inner",)})


def retagged(tags: str, held: str = BARE) -> WheelFacts:
    return wheel({held: elf()}, filename=f"demo-1.0-{tags}.whl")


def sourceless(magic: int) -> WheelFacts:
    file = "demo/__init__.pyc"
    facts = wheel({}, filename=PURE_FILE, python_files=(file,))
    return replace(facts, bytecode=((file, magic),))


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A wheel, a target and the expected prediction."""

    name: str
    wheel: WheelFacts
    passport: Passport = field(default=GLIBC)
    imports: tuple[str, ...] = ("demo",)
    outcome: Outcome = Outcome.IMPORT_FAILED
    cause: str = ""
    says: str = ""
    """A part of the evidence, the explanation or the remedy."""


FAILURES = (
    Case(
        name="Requires-Python above",
        wheel=wheel(requires_python=">=3.12"),
        outcome=Outcome.INSTALL_FAILED,
        cause=Cause.PYTHON_TOO_OLD,
        says="Requires-Python >=3.12; this is 3.11.2",
    ),
    Case(
        name="Requires-Python below",
        wheel=wheel(requires_python="<3.11"),
        outcome=Outcome.INSTALL_FAILED,
        cause=Cause.PYTHON_TOO_NEW,
    ),
    Case(
        name="upstream's name on a distribution that reads musl names",
        wheel=wheel({MODULE: elf(needed=())}, filename=MUSL_FILE),
        passport=MUSL,
        cause=Cause.SUFFIX_MISMATCH,
        says="https://bugs.python.org/issue43112",
    ),
    Case(
        name="RPM's name of the arch",
        wheel=wheel({"demo/_inner.cpython-311-amd64-linux-gnu.so": elf()}),
        cause=Cause.SUFFIX_MISMATCH,
        says="Python_Upstream_Architecture_Names",
    ),
    Case(
        name="a stable-ABI name with a triplet",
        wheel=wheel({f"demo/_inner.abi3-{GNU}.so": elf()}),
        cause=Cause.SUFFIX_MISMATCH,
        says="setuptools/issues/5193",
    ),
    Case(
        name="another version's name",
        wheel=wheel({f"demo/_inner.cpython-310-{GNU}.so": elf()}),
        cause=Cause.SUFFIX_MISMATCH,
        says="another version of CPython",
    ),
    Case(
        name="no extension module where one is imported",
        wheel=wheel({}),
        imports=("demo", "demo._inner"),
        cause=Cause.NO_EXTENSION,
        says="no native files",
    ),
    Case(
        name="a truncated file",
        wheel=wheel({MODULE: UnreadableElf(reason="it is cut short: 5 bytes of 90")}),
        cause=Cause.UNREADABLE,
        says="it is cut short",
    ),
    Case(
        name="a module without its init function",
        wheel=wheel({MODULE: elf(init="other")}, sources=BY_PACKAGE),
        cause=Cause.NO_INIT_FUNCTION,
        says="does not export PyInit__inner",
    ),
    Case(
        name="a file that starts no module where one is imported",
        wheel=wheel({MODULE: elf(init="other")}),
        imports=("demo", "demo._inner"),
        cause=Cause.NO_INIT_FUNCTION,
        says="does not export PyInit__inner",
    ),
    Case(
        name="such a module whose library is missing",
        wheel=wheel({MODULE: elf(init="other", needed=("libnowhere.so.1",))}, sources=BY_PACKAGE),
        cause=Cause.MISSING_LIBRARY,
        says="libnowhere.so.1",
    ),
    Case(
        name="a module that is a file of another format",
        wheel=wheel(
            {BARE: UnreadableElf(reason="it is a file of macOS (Mach-O)", foreign=True)},
            sources=BY_PACKAGE,
        ),
        cause=Cause.UNREADABLE,
        says="it is a file of macOS",
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
        name="nothing to import",
        wheel=wheel({}, python_files=("demo/data.txt", "tests/test_demo.py")),
        imports=(),
        cause=Cause.NO_MODULE,
        says="--import",
    ),
    Case(
        name="a requirement that pip 24.1 refuses",
        wheel=wheel(requires_dist=("PyYAML (>=5.1.*)",)),
        passport=replace(GLIBC, installer="pip 24.1"),
        outcome=Outcome.INSTALL_FAILED,
        cause=Cause.INVALID_METADATA,
        says="PyYAML (>=5.1.*)",
    ),
    Case(
        name="a library for another platform in a wheel for all",
        wheel=wheel(
            {},
            filename="demo-1.0-py3-none-any.whl",
            sources=SourceFacts(lacks="_libdemo.so", instead="demo/win32/_demo.dll"),
        ),
        cause=Cause.MISSING_LIBRARY,
        says="_libdemo.so",
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
        cause=Cause.ABI3_FLOOR,
        says="Raise the tag's Python version",
    ),
    Case(
        name="an executable stack on a glibc that refuses it",
        wheel=wheel({MODULE: elf(exec_stack=True)}),
        passport=replace(GLIBC, exec_stack=ExecStack.REFUSED),
        cause=Cause.EXEC_STACK,
        says="noexecstack",
    ),
    Case(
        name="an extension module beside a folder of its stubs",
        wheel=wheel(
            {"demo/_rust.cpython-311-x86_64-linux-musl.so": elf(init="_rust")},
            python_files=("demo/__init__.py", "demo/_rust/stubs.pyi"),
        ),
        cause=Cause.SUFFIX_MISMATCH,
        says="demo._rust",
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
        name="bytecode of another version without source",
        wheel=sourceless(3439),
        cause=Cause.BYTECODE,
        says="demo/__init__.pyc is bytecode of Python 3.10; this is 3.11",
    ),
    Case(
        name="a module that is bytecode of another version in a package with source",
        wheel=replace(
            wheel({}, filename=PURE_FILE, python_files=("demo/__init__.py", "demo/core.pyc")),
            bytecode=(("demo/core.pyc", 62211),),
        ),
        imports=("demo.core",),
        cause=Cause.BYTECODE,
        says="cp27-none-any",
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
    check(case)


def check(case: Case) -> None:
    predicted = predict(case.wheel, case.passport, symbols, imports=case.imports)
    assert (predicted.outcome, predicted.cause) == (case.outcome, case.cause), predicted
    words = (predicted.evidence, predicted.explanation, predicted.remedy, predicted.reference)
    assert any(case.says in text for text in words)
    assert all(words[:2])
    assert predicted.reference.startswith("https://")


PASSES = {
    "as it is": (wheel(), GLIBC),
    "plain .so": (wheel({BARE: elf()}), GLIBC),
    "the stable ABI's name": (wheel({"demo/_inner.abi3.so": elf()}), GLIBC),
    "a Python file beside an unreadable name": (
        wheel(
            {f"demo/_inner.cpython-310-{GNU}.so": elf()},
            python_files=("demo/__init__.py", "demo/_inner.py"),
        ),
        GLIBC,
    ),
    "a weak symbol": (
        wheel({MODULE: elf(undefined=(replace(elf("w").undefined[1], weak=True),))}),
        GLIBC,
    ),
    "bundled with its own symbols": (
        wheel(
            {MODULE: BUNDLED, LIBRARY: elf(init="", needed=(), exported=("other_answer@OTHER_1",))}
        ),
        GLIBC,
    ),
    "a library of the system's": (
        wheel({MODULE: elf("_Znwm@GLIBCXX_3.4", needed=("libstdc++.so.6",))}),
        GLIBC,
    ),
    "an unknown symbol set": (wheel({MODULE: elf("nowhere")}), replace(GLIBC, exports="")),
    "no record of libraries": (
        wheel({MODULE: elf("nowhere", needed=("libpq.so.5",))}),
        replace(GLIBC, libraries=(), linked=(), exports=""),
    ),
    "glibc's libc by name and musl's by symbol": (
        wheel({BARE: elf("malloc@GLIBC_2.2.5")}, filename=LINUX_FILE),
        MUSL,
    ),
    "packed relocations where they are applied": (
        wheel({MODULE: elf(packed_relocations=True)}),
        replace(GLIBC, libc="glibc 2.36"),
    ),
    "an executable stack that is granted": (
        wheel({MODULE: elf(exec_stack=True)}),
        replace(GLIBC, exec_stack=ExecStack.GRANTED),
    ),
    "an executable stack that musl does not look at": (
        wheel({BARE: elf(exec_stack=True)}, filename=LINUX_FILE),
        replace(MUSL, exec_stack=ExecStack.IGNORED),
    ),
    "an executable stack where nobody knows": (wheel({MODULE: elf(exec_stack=True)}), GLIBC),
    "what the wheel has beside its modules": (
        wheel({MODULE: elf(), "demo/plugin.so": elf(init="", needed=("libpq.so.5",))}),
        GLIBC,
    ),
    "below platlib of .data": (wheel({f"demo-1.0.data/platlib/{MODULE}": elf()}), GLIBC),
    "another project's module": (wheel(requires_dist=("other",)), GLIBC),
    "an invalid requirement before pip 24.1": (wheel(requires_dist=("x>=1.*",)), GLIBC),
    "old names that musl's loader binds": (
        wheel({BARE: elf("stat64", needed=())}, filename=MUSL_FILE),
        MUSL,
    ),
    "static thread-local storage on glibc": (wheel({MODULE: elf(static_tls=True)}), GLIBC),
    "a library that the package opens first": (
        wheel(
            {MODULE: replace(BUNDLED, runpath=()), LIBRARY: OTHER},
            sources=SourceFacts(opens_libraries=True),
        ),
        GLIBC,
    ),
    "symbols of a library that the package opens globally": (
        wheel({MODULE: elf("theirs")}, sources=SourceFacts(opens_globally=True)),
        GLIBC,
    ),
    "a module that starts as Python 3.15 or cffi on PyPy start it": (
        wheel(
            {MODULE: elf(init="", exported=("PyModExport__inner", "_cffi_pypyinit__inner"))},
            sources=BY_PACKAGE,
        ),
        GLIBC,
    ),
    "a native module where code names another platform's library": (
        wheel(sources=SourceFacts(lacks="libx.so", instead="demo/x.dll")),
        GLIBC,
    ),
}


def test_library_that_no_module_must_import_needs_no_init_function() -> None:
    facts = wheel({MODULE: elf(init="other")}, sources=SourceFacts(imports={"demo": ("os",)}))
    assert predict(facts, GLIBC, symbols).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("magic", "passport"),
    [
        (3495, GLIBC),
        (3494, GLIBC),
        (3439, replace(GLIBC, implementation="PyPy")),
    ],
    ids=["of this version", "of no final release", "not CPython"],
)
def test_bytecode_that_may_be_read(magic: int, passport: Passport) -> None:
    predicted = predict(sourceless(magic), passport, symbols)
    assert (predicted.outcome, predicted.cause) == (Outcome.PASS, "")


@pytest.mark.parametrize("name", PASSES)
def test_pass(name: str) -> None:
    """It passes, with its imports and without."""
    facts, passport = PASSES[name]
    for imports in ((), ("demo",), ("demo", "demo._inner"), ("demo", "other.thing")):
        predicted = predict(facts, passport, symbols, imports=imports)
        assert predicted.outcome is Outcome.PASS, predicted
        assert not predicted.cause


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a library that the package opens first", "libother-1.so is in the wheel"),
        ("version-specific", "is for later versions of Python too"),
    ],
)
def test_remark_on_a_pass(name: str, says: str) -> None:
    """A pass tells what the wheel's files cannot show, or do not keep."""
    specific = wheel(filename="demo-1.0-cp38-abi3-manylinux_2_17_x86_64.whl")
    facts, passport = PASSES.get(name, (specific, GLIBC))
    assert says in predict(facts, passport, symbols).evidence


def test_cyclic_libraries() -> None:
    """Libraries that need each other, in the wheel and on the target, are followed once."""
    ring = {
        MODULE: elf(needed=("liba.so",), runpath=("$ORIGIN",)),
        "demo/liba.so": elf(init="", needed=("libb.so",), runpath=("${ORIGIN}",), soname="liba.so"),
        "demo/libb.so": elf(init="", needed=("liba.so", "libx.so"), runpath=("$ORIGIN/.",)),
    }
    loop = (
        SystemLibrary(name="libx.so", path="/x", needed=("liby.so",), symbols="libc"),
        SystemLibrary(name="liby.so", path="/y", needed=("libx.so", "libgone.so"), symbols="libm"),
    )
    passport = replace(GLIBC, libraries=(*GLIBC.libraries, *loop))
    assert predict(wheel(ring), passport, symbols).outcome is Outcome.PASS


def test_module_that_the_code_goes_on_without_may_be_missing() -> None:
    """A project passes without it, unless it is imported itself."""
    facts = wheel(
        {f"demo/_fast.cpython-310-{GNU}.so": elf(init="_fast")},
        python_files=("demo/__init__.py",),
    )
    guarded = replace(facts, sources=SourceFacts(guarded=frozenset({"demo._fast"})))
    assert predict(facts, GLIBC, symbols).cause == Cause.SUFFIX_MISMATCH
    for imports in ((), ("demo",)):
        fallen_back = predict(guarded, GLIBC, symbols, imports=imports)
        assert fallen_back.outcome is Outcome.PASS
        assert fallen_back.evidence == "demo._fast is not found, but optional"
    asked = predict(guarded, GLIBC, symbols, imports=("demo._fast",))
    assert asked.cause == Cause.SUFFIX_MISMATCH


def test_module_that_is_loaded_on_request_may_fail() -> None:
    """A project passes without the library that its users install, unless they import it."""
    pool = f"numba/np/ufunc/omppool.cpython-311-{GNU}.so"
    facts = wheel(
        {pool: elf(init="omppool", needed=("libgomp.so.1", "libc.so.6"))},
        filename=FILENAME.replace("demo", "numba"),
        python_files=("numba/__init__.py",),
        sources=SourceFacts(guarded=frozenset({"numba.np.ufunc.omppool"})),
    )
    assert predict(facts, GLIBC, symbols).outcome is Outcome.PASS
    asked = predict(facts, GLIBC, symbols, imports=("numba.np.ufunc.omppool",))
    assert asked.cause == Cause.MISSING_LIBRARY


@pytest.mark.parametrize(
    ("facts", "evidence"),
    [
        (wheel({}), "is for native code, but the wheel has none"),
        (wheel(filename="demo-1.0-py3-none-any.whl"), "is for any machine"),
    ],
)
def test_wrong_platform_tag_is_remarked(facts: WheelFacts, evidence: str) -> None:
    """A platform tag without native code, and a pure tag with it, pass with a remark."""
    found = predict(facts, GLIBC, symbols, imports=("demo",))
    assert found.outcome is Outcome.PASS
    assert evidence in found.evidence
