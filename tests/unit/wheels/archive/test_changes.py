"""Changes of names and tags."""

import io
from collections.abc import Callable

import pytest

from harness.wheels.archive.changes import (
    add_triplet,
    bare_names,
    musl_names,
    named_modules,
    outside_stable_abi,
    rename_triplet,
    retag_platform,
    stable_names,
    stable_names_with_triplet,
    with_names,
)
from harness.wheels.archive.contents import NativeMember, WheelFacts, read_contents
from harness.wheels.archive.elf import ElfFacts, UndefinedSymbol
from harness.wheels.archive.rewrite import WheelBytes, WheelChange, rewrite_wheel
from tests.support.elves import golden

GOLDEN = golden("x86_64.so")
MUSL = "x86_64-linux-musl"
MakeWheel = Callable[..., bytes]


def facts_of(
    make_wheel: MakeWheel, *names: str, tag: str = "cp39-cp39-musllinux_1_1_x86_64"
) -> WheelFacts:
    wheel = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n"
    data = make_wheel(dict.fromkeys(names, GOLDEN), wheel=wheel)
    return read_contents(f"demo-1.0-{tag}.whl", io.BytesIO(data))


def with_symbols(facts: WheelFacts, *symbols: str, versions: tuple[str, ...] = ()) -> WheelFacts:
    elf = ElfFacts(
        machine="EM_X86_64",
        bits=64,
        little=True,
        type="ET_DYN",
        undefined=tuple(UndefinedSymbol(name=name) for name in symbols),
        version_needs={"libc.so.6": versions},
    )
    native = NativeMember(name="demo/_a.cpython-39-x86_64-linux-gnu.so", size=1, elf=elf)
    return WheelFacts(
        name=facts.name,
        pure=False,
        generator="",
        requires_python="",
        requires_dist=(),
        members=facts.members,
        native=(native,),
        modules=(),
    )


def test_named_modules(make_wheel: MakeWheel) -> None:
    """Modules differ from libraries by their names; a plain .so is not named."""
    facts = facts_of(
        make_wheel,
        "demo/_a.cpython-39-x86_64-linux-gnu.so",
        "demo/_t.cpython-313t-x86_64-linux-musl.so",
        "_b.abi3.so",
        "_c.abi3-x86_64-linux-gnu.so",
        "_bare.so",
        "demo.libs/libgolden-12.so.1",
    )
    assert {(m.stem, m.kind, m.triplet) for m in named_modules(facts)} == {
        ("demo/_a", "cpython-39", "x86_64-linux-gnu"),
        ("demo/_t", "cpython-313t", "x86_64-linux-musl"),
        ("_b", "abi3", ""),
        ("_c", "abi3", "x86_64-linux-gnu"),
    }


GNU = "demo/_a.cpython-39-x86_64-linux-gnu.so"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda f: rename_triplet(f, MUSL), ("demo/_a.cpython-39-x86_64-linux-musl.so",)),
        (lambda f: add_triplet(f, MUSL), (GNU, "demo/_a.cpython-39-x86_64-linux-musl.so")),
        (bare_names, ("demo/_a.so",)),
        (stable_names, ("demo/_a.abi3.so",)),
    ],
)
def test_names(
    make_wheel: MakeWheel, change: Callable[[WheelFacts], WheelChange], names: tuple[str, ...]
) -> None:
    """Each change gives the module its new names."""
    assert change(facts_of(make_wheel, GNU, "_plain.so")).names == ((GNU, names),)


def test_existing_names_are_kept(make_wheel: MakeWheel) -> None:
    """A wheel that has both names already is not changed."""
    facts = facts_of(make_wheel, GNU, GNU.replace("gnu", "musl"))
    assert not add_triplet(facts, MUSL)
    assert not rename_triplet(facts, MUSL)
    assert bare_names(facts).names == ((GNU, ("demo/_a.so",)),)


def test_a_stable_name_with_a_triplet(make_wheel: MakeWheel) -> None:
    """CPython 3.15's ``.abi3-<triplet>.so`` gets the name that older Pythons read."""
    tag = "cp39-abi3-manylinux_2_17_x86_64"
    facts = facts_of(make_wheel, "_c.abi3-x86_64-linux-gnu.so", tag=tag)
    assert stable_names(facts) == WheelChange(
        names=(("_c.abi3-x86_64-linux-gnu.so", ("_c.abi3.so",)),), tags=tag
    )
    assert not rename_triplet(facts, MUSL)


def test_free_threaded_wheel_gets_no_abi3_name(make_wheel: MakeWheel) -> None:
    """Free-threaded builds have no abi3."""
    member = "_a.cpython-313t-x86_64-linux-gnu.so"
    facts = facts_of(make_wheel, member, tag="cp313-cp313t-manylinux_2_28_x86_64")
    assert not stable_names(facts)


def test_stable_tags(make_wheel: MakeWheel) -> None:
    """A module in the stable ABI is tagged for its Python and later ones."""
    assert stable_names(facts_of(make_wheel, GNU)).tags == "cp39-abi3-musllinux_1_1_x86_64"


@pytest.mark.parametrize(
    ("tag", "outside"),
    [
        ("cp39-cp39-musllinux_1_1_x86_64", ("PyObject_GetBuffer", "_PyUnicode_Ready")),
        ("cp311-cp311-musllinux_1_1_x86_64", ("_PyUnicode_Ready",)),
    ],
)
def test_outside_the_stable_abi(make_wheel: MakeWheel, tag: str, outside: tuple[str, ...]) -> None:
    """A symbol counts from the version that added it: the buffer API's from 3.11."""
    facts = with_symbols(
        facts_of(make_wheel, tag=tag),
        "PyObject_GetBuffer", "_PyUnicode_Ready", "PyList_New", "PyUnicode_Type", "malloc",
    )  # fmt: skip
    assert outside_stable_abi(facts) == outside


@pytest.mark.parametrize(
    ("tag", "versions", "tags"),
    [
        ("manylinux_2_28_x86_64", ("GLIBC_2.2.5", "GLIBC_2.17"),
         "manylinux_2_17_x86_64.manylinux2014_x86_64"),
        ("manylinux_2_28_x86_64", ("GLIBC_2.2.5",), "manylinux_2_5_x86_64.manylinux1_x86_64"),
        ("manylinux_2_28_s390x", ("GLIBC_2.2",), "manylinux_2_17_s390x.manylinux2014_s390x"),
        ("manylinux_2_28_x86_64", ("GLIBC_2.28",), ""),
        ("manylinux_2_28_x86_64", ("GLIBC_2.34",), ""),
        ("musllinux_1_2_x86_64", (), "musllinux_1_1_x86_64"),
        ("musllinux_1_1_x86_64", (), ""),
        ("linux_x86_64", (), ""),
    ],
)  # fmt: skip
def test_retag(make_wheel: MakeWheel, tag: str, versions: tuple[str, ...], tags: str) -> None:
    """The tag is the oldest glibc that the symbols permit and installers accept."""
    facts = with_symbols(facts_of(make_wheel, tag=f"cp39-cp39-{tag}"), versions=versions)
    assert retag_platform(facts).tags == (f"cp39-cp39-{tags}" if tags else "")


@pytest.mark.parametrize(
    "change", [lambda f: rename_triplet(f, MUSL), lambda f: add_triplet(f, MUSL), bare_names]
)
def test_facts_and_bytes_change_alike(
    make_wheel: MakeWheel, change: Callable[[WheelFacts], WheelChange]
) -> None:
    """Computed facts equal those of the rewritten wheel, except RECORD's size."""
    facts = facts_of(make_wheel, GNU, "demo.libs/libx.so")
    wheel = WheelBytes(filename=facts.name.filename, data=make_wheel(
        dict.fromkeys((GNU, "demo.libs/libx.so"), GOLDEN),
        wheel=f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {facts.name.tag_part}\n",
    ))  # fmt: skip
    read = read_contents(wheel.filename, io.BytesIO(rewrite_wheel(wheel, change(facts)).data))
    computed = with_names(facts, change(facts))
    assert [m.name for m in computed.members] == [m.name for m in read.members]
    assert computed.native == read.native


def test_names_of_other_builders(make_wheel: MakeWheel) -> None:
    """Only musllinux wheels get musl names, and only .abi3.so files get a triplet."""
    facts = facts_of(make_wheel, GNU, "_b.abi3.so", "_c.abi3-x86_64-linux-gnu.so")
    assert musl_names(facts) == rename_triplet(facts, MUSL)
    assert stable_names_with_triplet(facts).names == (
        ("_b.abi3.so", ("_b.abi3-x86_64-linux-musl.so",)),
    )
    glibc = facts_of(make_wheel, GNU, "_b.abi3.so", tag="cp39-cp39-manylinux2014_x86_64")
    assert not musl_names(glibc)
    assert stable_names_with_triplet(glibc).names == (
        ("_b.abi3.so", ("_b.abi3-x86_64-linux-gnu.so",)),
    )
