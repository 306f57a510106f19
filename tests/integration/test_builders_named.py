"""Wheels for musl, with other module names, and as distributions build them.

The headers belong to interpreters, which are compiled on first use.
"""

from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.host.cache import Cache
from harness.matrix.files import load_matrix
from harness.wheels.archive.contents import read_wheel
from harness.wheels.archive.elf import ElfFacts
from harness.wheels.build import build_planned, load_project, plan_wheel
from tests.support.projects import FIXTURES
from tests.support.wheels import verify_record
from tests.support.workspace import make_workspace

pytestmark = pytest.mark.integration

MATRIX = load_matrix(FIXTURES.parent / "matrix")


def build(project: str, builder: str, arch: str, cache: Cache) -> Path:
    planned = plan_wheel(
        load_project(FIXTURES / project), MATRIX.builder(builder), find_arch(arch), "3.9"
    )
    return Path(build_planned(planned, make_workspace(cache)).path)


def elves(wheel: Path) -> dict[str, ElfFacts]:
    members = read_wheel(wheel).native
    return {member.name: member.elf for member in members if isinstance(member.elf, ElfFacts)}


@pytest.mark.parametrize("builder", ["musllinux_1_1", "musllinux_1_2"])
@pytest.mark.parametrize(
    "project", ["plain", "abi3", "multi", "bundled_lib", "tool", "numeric", "threads"]
)
def test_musl_wheel_needs_musl_only(project: str, builder: str, cache: Cache) -> None:
    """The wheel needs musl only.

    auditwheel cannot check this: it looks for the machine's own ``libc.so``, which on glibc is a
    linker script.
    """
    wheel = build(project, builder, "x86_64", cache)
    verify_record(wheel)
    files = elves(wheel)
    own = {Path(name).name for name in files}
    for elf in files.values():
        assert set(elf.needed) <= {"libc.musl-x86_64.so.1"} | own


@pytest.mark.parametrize(
    ("builder", "arch", "tag", "triplets"),
    [
        ("musllinux_1_2", "x86_64", "musllinux_1_2_x86_64", ["x86_64-linux-gnu"]),
        ("dual-musl", "x86_64", "musllinux_1_2_x86_64", ["x86_64-linux-gnu", "x86_64-linux-musl"]),
        (
            "dual-fedora",
            "ppc64le",
            "manylinux2014_ppc64le",
            ["powerpc64le-linux-gnu", "ppc64le-linux-gnu"],
        ),
        ("fedora-33", "ppc64le", "linux_ppc64le", ["ppc64le-linux-gnu"]),
        ("fedora-34", "ppc64le", "linux_ppc64le", ["powerpc64le-linux-gnu"]),
        ("alpine-3.14", "x86_64", "linux_x86_64", ["x86_64-linux-musl"]),
    ],
)
def test_module_has_every_name_of_its_builder(
    builder: str, arch: str, tag: str, triplets: list[str], cache: Cache
) -> None:
    """The module is stored as the same file under each of the builder's names."""
    wheel = build("plain", builder, arch, cache)
    files = elves(wheel)
    assert set(files) == {f"wheelgrid_plain/_impl.cpython-39-{t}.so" for t in triplets}
    assert wheel.stem.endswith(tag)
    machines = {elf.machine for elf in files.values()}
    assert machines == {find_arch(arch).elf_machine}


@pytest.mark.parametrize("builder", ["bare", "bare-musl"])
def test_module_can_have_a_bare_suffix(builder: str, cache: Cache) -> None:
    """A module can be named ``.so`` only."""
    assert set(elves(build("plain", builder, "x86_64", cache))) == {"wheelgrid_plain/_impl.so"}


def test_musl_executable_uses_musls_loader(cache: Cache) -> None:
    """An executable is dynamic and uses musl's loader."""
    (elf,) = elves(build("tool", "musllinux_1_2", "x86_64", cache)).values()
    assert elf.interpreter == "/lib/ld-musl-x86_64.so.1"
