"""What a wheel has beyond its modules: which libraries and programs fail it, as predicted."""

from dataclasses import replace

import pytest

from harness.core.cells import Outcome, Stage
from harness.core.passport import Passport
from harness.predict import predict
from harness.predict.installed_layout import layout_of
from harness.predict.late_plan import LatePlan, plan_late
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.elf import ElfFacts, UnreadableElf
from harness.wheels.archive.python_sources import SourceFacts
from tests.support.forecasts import GLIBC, MODULE, MUSL, elf, symbols, wheel

LIBRARY = "demo/lib/libmine.so"
BY_CODE = SourceFacts(opens_libraries=True, named=frozenset({LIBRARY}))
LOADER = {"glibc": "/lib64/ld-linux-x86-64.so.2", "musl": "/lib/ld-musl-x86_64.so.1"}
LINUX = "demo-1.0-cp311-cp311-linux_x86_64.whl"
HERE = {"glibc": GLIBC, "musl": MUSL}


def library(*undefined: str, **fields: object) -> ElfFacts:
    return elf(*undefined, **{"init": "none", **fields})  # type: ignore[arg-type]


def program(*undefined: str, **fields: object) -> ElfFacts:
    made = library(*undefined, **fields)
    kept = tuple(symbol for symbol in made.undefined if not symbol.name.startswith("Py"))
    loader = str(fields.get("interpreter", LOADER["glibc"]))
    return replace(made, interpreter=loader, exported=(), undefined=kept)


def failing(facts: WheelFacts, target: Passport = GLIBC) -> tuple[str, str, str]:
    predicted = predict(facts, target, symbols)
    return predicted.outcome, predicted.cause, predicted.file


NEWER = {"version_needs": {"libc.so.6": ("GLIBC_2.99",)}}
LOADS = "load-failed"
STARTS = "start-failed"
PASSES = ("pass", "", "")


@pytest.mark.parametrize(
    ("held", "sources", "expected"),
    [
        (library(), BY_CODE, PASSES),
        (library(**NEWER), BY_CODE, (LOADS, "libc-too-old", LIBRARY)),
        (library(**NEWER), SourceFacts(), PASSES),
        (library(needed=("libnowhere.so.1",)), BY_CODE, (LOADS, "missing-library", LIBRARY)),
        (library(needed=("libcudart.so.12",)), BY_CODE, PASSES),
        (library("nowhere"), BY_CODE, (LOADS, "undefined-symbol", LIBRARY)),
        (library("PyInit__inner"), BY_CODE, PASSES),
        (library(machine="EM_S390", little=False), BY_CODE, (LOADS, "wrong-machine", LIBRARY)),
        (
            library(needed=("libc.musl-x86_64.so.1",)),
            BY_CODE,
            (LOADS, "libc-family", LIBRARY),
        ),
    ],
)
def test_library(held: ElfFacts, sources: SourceFacts, expected: tuple[str, str, str]) -> None:
    """One that does not load fails the wheel if the wheel's code names it.

    What needs a graphics driver does not, nor a symbol that another file of the wheel defines.
    """
    facts = wheel({MODULE: elf(), LIBRARY: held}, filename=LINUX, sources=sources)
    assert failing(facts) == expected


FOREIGN = {"machine": "EM_S390", "little": False}


@pytest.mark.parametrize("held", [library(needed=("libc.so", "libm.so")), library(**FOREIGN)])
def test_library_for_a_device(held: ElfFacts) -> None:
    """What only files name that do not load here is no failure, nor is a library of Android's."""
    android = replace(held, needed=("libc.so", "libdl.so"))
    for sources, names in ((BY_CODE, {}), (SourceFacts(), {"demo/lib/other.so": ("libmine.so",)})):
        facts = wheel(
            {MODULE: elf(), LIBRARY: android, "demo/lib/other.so": held},
            filename=LINUX,
            sources=sources,
            mentions=names,
        )
        assert failing(facts) == PASSES
    by_foreign = {MODULE: elf(), LIBRARY: held, "demo/lib/other.so": library(**FOREIGN)}
    names = {"demo/lib/other.so": ("libmine.so",)}
    assert failing(wheel(by_foreign, filename=LINUX, mentions=names)) == PASSES


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (library(**NEWER), (LOADS, "libc-too-old", LIBRARY)),
        (library(needed=("libnowhere.so.1",)), PASSES),
    ],
)
def test_library_that_a_library_names(held: ElfFacts, expected: tuple[str, str, str]) -> None:
    """What another library names counts too, but for what a user can install."""
    held_by = {MODULE: ("libmine.so",)}
    facts = wheel({MODULE: elf(), LIBRARY: held}, filename=LINUX, mentions=held_by)
    assert failing(facts) == expected


def test_library_for_another_platform_beside_ours() -> None:
    """One of several that the code chooses from is no failure."""
    other = "demo/lib/s390x/libmine.so"
    held = {
        MODULE: elf(),
        LIBRARY: library(),
        other: library(machine="EM_S390", little=False),
    }
    sources = SourceFacts(opens_libraries=True, named=frozenset({LIBRARY, other}))
    assert failing(wheel(held, filename=LINUX, sources=sources)) == PASSES


@pytest.mark.parametrize(
    ("foreign", "expected"),
    [(True, PASSES), (False, (LOADS, "unreadable", "demo/lib/mac/libmine.so"))],
)
def test_library_of_another_format_beside_ours(
    foreign: bool, expected: tuple[str, str, str]
) -> None:
    """One of several for the code to choose from; a damaged one is for this platform too."""
    other = "demo/lib/mac/libmine.so"
    held = UnreadableElf(reason="it is a file of macOS (Mach-O)", foreign=foreign)
    sources = SourceFacts(opens_libraries=True, named=frozenset({LIBRARY, other}))
    both = wheel({MODULE: elf(), LIBRARY: library(), other: held}, filename=LINUX, sources=sources)
    assert failing(both) == expected
    alone = wheel({MODULE: elf(), LIBRARY: held}, filename=LINUX, sources=BY_CODE)
    assert failing(alone) == (LOADS, "unreadable", LIBRARY)


TOOL = "demo-1.0.data/scripts/tool"
HELPER = "demo/bin/helper"


@pytest.mark.parametrize(
    ("held", "libc", "cause"),
    [
        (program(), "glibc", ""),
        (program(interpreter=LOADER["musl"]), "glibc", "libc-family"),
        (program(), "musl", "libc-family"),
        (program(interpreter=f"/usr{LOADER['glibc']}"), "glibc", ""),
        (program(interpreter="/lib/ld-linux-x86-64.so.2"), "glibc", "missing-loader"),
        (program(interpreter="/system/bin/linker64"), "glibc", ""),
        (program(interpreter="/nix/store/abc/ld-linux-x86-64.so.2"), "glibc", "missing-loader"),
        (program(interpreter="/lib/ld-linux.so.2", machine="EM_386", bits=32), "glibc",
         "missing-loader"),
        (program(interpreter="/lib/ld64.so.1", machine="EM_S390", little=False), "glibc",
         "wrong-machine"),
        (program(**NEWER), "glibc", "libc-too-old"),
        (program(needed=("libnowhere.so.1",)), "glibc", "missing-library"),
        (program(interpreter=""), "glibc", ""),
        (program(exec_stack=True), "glibc", ""),
        (program(static_tls=True, interpreter=LOADER["musl"], needed=()), "musl", ""),
    ],
)  # fmt: skip
def test_program(held: ElfFacts, libc: str, cause: str) -> None:
    """A program needs its loader, its machine and its libraries; what only dlopen refuses, not."""
    module = elf(needed=()) if libc == "musl" else elf()
    name = f"demo/_inner.cpython-311-x86_64-linux-{'musl' if libc == 'musl' else 'gnu'}.so"
    facts = wheel({name: module, TOOL: replace(held, pie=True)}, filename=LINUX)
    expected = (STARTS, cause, TOOL) if cause else PASSES
    assert failing(facts, HERE[libc]) == expected


def test_program_for_another_libc_beside_ours() -> None:
    """One of several that the package chooses from is no failure."""
    held = {MODULE: elf(), TOOL: program(), HELPER: program(interpreter=LOADER["musl"])}
    assert failing(wheel(held, filename=LINUX, executable=(HELPER,))) == PASSES


def test_wheel_of_programs_alone() -> None:
    """It needs nothing to import: its programs are what it is for."""
    facts = wheel({TOOL: program()}, filename=LINUX, python_files=())
    assert failing(facts) == PASSES
    broken = wheel({TOOL: program(**NEWER)}, filename=LINUX, python_files=())
    assert failing(broken) == (STARTS, "libc-too-old", TOOL)


def test_stage_of_a_prediction() -> None:
    """A library fails when it is loaded, a program when it is started."""
    facts = wheel({MODULE: elf(), LIBRARY: library(**NEWER)}, filename=LINUX, sources=BY_CODE)
    predicted = predict(facts, GLIBC, symbols)
    assert (predicted.outcome, predicted.stage) == (Outcome.LOAD_FAILED, Stage.LOAD)
    assert predict(facts, GLIBC, symbols, late=False).outcome is Outcome.PASS


def test_library_that_lacks_more_than_a_graphics_driver() -> None:
    """It is not meant for machines with a graphics card alone."""
    for needed, fails in (
        (("libGL.so.1",), False),
        (("libGL.so.1", "libcuda.so.1"), False),
        (("libGL.so.1", "libX11.so.6"), True),
        (("libGL.so.1", "libGLU.so.1"), True),
    ):
        facts = wheel({MODULE: elf(), LIBRARY: library(needed=needed)}, sources=BY_CODE)
        assert (failing(facts) != PASSES) is fails, needed


def test_plan() -> None:
    """Extension modules, debug files and libraries that can be started are no programs."""
    held = {
        MODULE: elf(),
        "demo/lib/libb.so": library(),
        LIBRARY: replace(library(), interpreter=LOADER["glibc"], soname="libmine.so.1"),
        "demo/lib/libmine.so.debug": library(),
        "demo/object.o": replace(library(), type="ET_REL"),
        TOOL: program(),
        HELPER: program(),
        "demo/bin/plain": program(),
        "demo/tests/helper": program(),
        "demo-1.0.data/data/data/libdata.so.1": library(),
        "demo-1.0.data/data/lib/libx.so": library(),
        "demo-1.0.data/data/lib/liby.so": library(),
    }
    executable = (HELPER, LIBRARY, "demo/tests/helper")
    facts = wheel(held, filename=LINUX, sources=BY_CODE, executable=executable)
    facts = replace(
        facts,
        commands=("demo.cli:main",),
        scripts=("demo-1.0.data/scripts/start.sh",),
    )
    assert plan_late(layout_of(facts)) == LatePlan(
        libraries=(
            *("demo/lib/libmine.so", "data/libdata.so.1", "../../libx.so", "../../liby.so"),
            "demo/lib/libb.so",
        ),
        entries=("demo.cli:main",),
        programs=("bin/start.sh", "bin/tool", "demo/bin/helper"),
    )


def test_library_of_a_program_is_its_own_affair() -> None:
    """Whether it loads, the start of the program shows; its name in a program decides nothing."""
    held = {MODULE: elf(), TOOL: program(), LIBRARY: library(**NEWER)}
    assert failing(wheel(held, filename=LINUX, mentions={TOOL: ("libmine.so",)})) == PASSES
