"""Facts from a wheel's directory, compared with those of the whole wheel."""

import io
from collections.abc import Callable

import pytest

from harness.core.arches import find_arch
from harness.wheels.archive.contents import read_contents
from harness.wheels.archive.elf import ElfFacts, UnreadableElf
from harness.wheels.archive.filename import arch_of, parse_wheel_name
from harness.wheels.archive.listing import read_listing
from tests.support.elves import golden

GOLDEN = golden("x86_64.so")
FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
MakeWheel = Callable[..., bytes]


def test_listing_equals_whole_reading(make_wheel: MakeWheel) -> None:
    """Members, modules, metadata and the names of native members are the same."""
    files = {
        "demo/__init__.py": b"",
        "demo/_a.cpython-311-x86_64-linux-gnu.so": GOLDEN,
        "demo/_b.abi3.so": GOLDEN,
        "demo.libs/libgolden-1234.so.1": GOLDEN,
    }
    wheel = make_wheel(files)
    whole = read_contents(FILENAME, io.BytesIO(wheel))
    listed = read_listing(FILENAME, io.BytesIO(wheel))
    assert (listed.members, listed.modules, listed.pure) == (
        whole.members,
        whole.modules,
        whole.pure,
    )
    assert [n.name for n in listed.native] == [n.name for n in whole.native]
    machines = {n.elf.machine for n in listed.native if isinstance(n.elf, ElfFacts)}
    assert machines == {n.elf.machine for n in whole.native if isinstance(n.elf, ElfFacts)}


@pytest.mark.parametrize(
    ("member", "exported"),
    [
        ("demo/_a.cpython-311-x86_64-linux-gnu.so", ("PyInit__a",)),
        ("demo/_b.abi3-x86_64-linux-gnu.so", ("PyInit__b",)),
        ("demo/_c.so", ("PyInit__c",)),
        ("demo.libs/libd.so", ()),
        ("demo/libe.so.1.2", ()),
    ],
)
def test_exports_follow_from_names(
    make_wheel: MakeWheel, member: str, exported: tuple[str, ...]
) -> None:
    """A module exports what its name promises; a library promises nothing."""
    (native,) = read_listing(FILENAME, io.BytesIO(make_wheel({member: b""}))).native
    assert isinstance(native.elf, ElfFacts)
    assert native.elf.exported == exported


def test_unknown_arch(make_wheel: MakeWheel) -> None:
    """If no tag names a known arch, native members have no facts."""
    tag = "cp311-cp311-manylinux_2_17_loongarch64"
    wheel = make_wheel({"_a.so": b""}, wheel=f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"
                       f"Tag: {tag}\n")  # fmt: skip
    (native,) = read_listing(f"demo-1.0-{tag}.whl", io.BytesIO(wheel)).native
    assert isinstance(native.elf, UnreadableElf)


def test_arch_of() -> None:
    """A wheel's arch is that of its platform tags; a pure wheel has none."""
    assert arch_of(parse_wheel_name(FILENAME)) == find_arch("x86_64")
    assert arch_of(parse_wheel_name("demo-1.0-py3-none-any.whl")) is None
