"""Sample wheels and passports for tests of predictions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.core.cells import Outcome
from harness.core.passport import Passport, SystemLibrary
from harness.predict import predict
from harness.wheels.archive.contents import NativeMember, WheelFacts
from harness.wheels.archive.elf import ElfFacts, UndefinedSymbol, UnreadableElf
from harness.wheels.archive.filename import parse_wheel_name
from harness.wheels.archive.python_sources import SourceFacts
from harness.wheels.archive.zip_reader import Member
from tests.support.passports import make_passport

GNU = "x86_64-linux-gnu"
GLIBC_SETS = {
    "python": frozenset({"PyModule_Create2", "_Py_NoneStruct"}),
    "libc": frozenset({"malloc@GLIBC_2.2.5", "stat@GLIBC_2.33", "GLIBC_2.17@GLIBC_2.17"}),
    "libm": frozenset({"exp@GLIBC_2.29"}),
    "stdc++": frozenset({"_Znwm@GLIBCXX_3.4"}),
}
GLIBC = make_passport(
    "x86_64",
    tags=(
        "cp311-cp311-manylinux_2_36_x86_64",
        "cp311-cp311-manylinux_2_17_x86_64",
        "cp311-cp311-linux_x86_64",
        "cp311-abi3-manylinux_2_17_x86_64",
        "cp38-abi3-manylinux_2_17_x86_64",
        "py3-none-manylinux_2_17_x86_64",
        "py3-none-any",
    ),
    loader="/lib64/ld-linux-x86-64.so.2",
    linked=("libc.so.6", "libm.so.6"),
    exports="python",
    libraries=(
        SystemLibrary(name="libc.so.6", path="/lib/libc.so.6", symbols="libc"),
        SystemLibrary(
            name="libm.so.6", path="/lib/libm.so.6", needed=("libc.so.6",), symbols="libm"
        ),
        SystemLibrary(name="libstdc++.so.6", path="/lib/libstdc++.so.6.0.30", symbols="stdc++"),
    ),
)
MUSL_SUFFIX = ".cpython-311-x86_64-linux-musl.so"
MUSL = replace(
    GLIBC,
    soabi=MUSL_SUFFIX[1:-3],
    ext_suffix=MUSL_SUFFIX,
    extension_suffixes=(MUSL_SUFFIX, ".abi3.so", ".so"),
    tags=("cp311-cp311-musllinux_1_2_x86_64", "cp311-cp311-linux_x86_64", "py3-none-any"),
    libc="musl 1.2.3",
    loader="/lib/ld-musl-x86_64.so.1",
    linked=("libc.musl-x86_64.so.1",),
    libraries=(
        SystemLibrary(
            name="libc.musl-x86_64.so.1", path="/lib/ld-musl-x86_64.so.1", symbols="musl"
        ),
    ),
)
SETS = {**GLIBC_SETS, "musl": frozenset({"malloc", "stat"})}
MODULE = f"demo/_inner.cpython-311-{GNU}.so"
FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
MUSL_FILE = "demo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl"
PURE_FILE = "demo-1.0-py3-none-any.whl"
LINUX_FILE = "demo-1.0-cp311-cp311-linux_x86_64.whl"
BARE = "demo/_inner.so"
LIBRARY = "demo.libs/libother-1.so"
BY_PACKAGE = SourceFacts(imports={"demo": ("demo._inner",)})


def symbols(set_id: str) -> frozenset[str]:
    """Return a symbol set of these passports."""
    return SETS[set_id]


def elf(
    *undefined: str,
    init: str = "_inner",
    needed: tuple[str, ...] = ("libc.so.6",),
    **fields: object,
) -> ElfFacts:
    """Return an extension module; ``malloc@GLIBC_2.2.5`` is an undefined symbol with a version."""
    parts = [symbol.partition("@") for symbol in ("PyModule_Create2", *undefined)]
    facts = ElfFacts(
        machine="EM_X86_64",
        bits=64,
        little=True,
        type="ET_DYN",
        needed=needed,
        exported=(f"PyInit_{init}",),
        undefined=tuple(UndefinedSymbol(name=name, version=version) for name, _, version in parts),
        exec_stack=False,
        load_align=4096,
    )
    return replace(facts, **fields)  # type: ignore[arg-type]


def wheel(  # noqa: PLR0913 - what a wheel consists of
    natives: Mapping[str, ElfFacts | UnreadableElf] | None = None,
    *,
    filename: str = FILENAME,
    python_files: tuple[str, ...] = ("demo/__init__.py",),
    requires_python: str = "",
    requires_dist: tuple[str, ...] = (),
    sources: SourceFacts | None = None,
    executable: tuple[str, ...] = (),
    mentions: Mapping[str, tuple[str, ...]] | None = None,
) -> WheelFacts:
    """Return the facts of a wheel of one package; by default it imports on ``GLIBC``."""
    held = {MODULE: elf()} if natives is None else natives
    names = (*python_files, *held)
    return WheelFacts(
        name=parse_wheel_name(filename),
        pure=False,
        generator="by hand",
        requires_python=requires_python,
        requires_dist=requires_dist,
        members=tuple(Member(name=name, size=1) for name in names),
        native=tuple(
            NativeMember(
                name=name,
                size=1,
                elf=facts,
                executable=name in executable,
                names=(mentions or {}).get(name, ()),
            )
            for name, facts in held.items()
        ),
        sources=sources or SourceFacts(),
        modules=tuple(sorted({name.partition("/")[0].partition(".")[0] for name in names})),
    )


BUNDLED = elf(
    "other_answer", needed=("libother-1.so", "libc.so.6"), runpath=("$ORIGIN/../demo.libs",)
)
"""A module that needs ``OTHER``."""
OTHER = elf(init="", needed=(), soname="libother-1.so", exported=("other_answer",))


def sourceless(magic: int) -> WheelFacts:
    """Return the facts of a package that is bytecode alone."""
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

    def check(self) -> None:
        """Assert that the prediction is as expected, and explained."""
        predicted = predict(self.wheel, self.passport, symbols, imports=self.imports)
        assert (predicted.outcome, predicted.cause) == (self.outcome, self.cause), predicted
        words = (predicted.evidence, predicted.explanation, predicted.remedy, predicted.reference)
        assert any(self.says in text for text in words)
        assert all(words[:2])
        assert predicted.reference.startswith("https://")
