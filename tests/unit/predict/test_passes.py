"""Wheels that pass, as they are or with a remark, though a rule comes close."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.passport import ExecStack, Passport, SystemLibrary
from harness.predict import predict
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.python_sources import SourceFacts
from tests.support.forecasts import (
    BARE,
    BUNDLED,
    BY_PACKAGE,
    FILENAME,
    GLIBC,
    GNU,
    LIBRARY,
    LINUX_FILE,
    MODULE,
    MUSL,
    MUSL_FILE,
    OTHER,
    elf,
    sourceless,
    symbols,
    wheel,
)

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


def test_library_that_a_dependency_brings() -> None:
    """It may lie in the search path, or be opened first; a module that lacks another one fails."""
    facts = wheel({MODULE: elf(needed=("libtheirs.so",))})
    brought = frozenset({"libtheirs.so"})
    assert predict(facts, GLIBC, symbols, beside=brought).outcome is Outcome.PASS
    lacking = wheel({MODULE: elf(needed=("libtheirs.so", "libgone.so"))})
    assert predict(lacking, GLIBC, symbols, beside=brought).cause == Cause.MISSING_LIBRARY


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
