"""Fixture wheels that are broken as published ones were: what they are, where they fail."""

import io
from dataclasses import replace
from functools import cache as once
from pathlib import Path

import pytest
from rich.console import Console

from harness.app.execute import measure
from harness.app.prober_options import ProberOptions
from harness.app.pytest_driver import RunOptions
from harness.app.wiring import open_passports, read_matrix
from harness.core.arches import find_arch
from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.host.cache import Cache
from harness.images.debian_root import native_arch
from harness.matrix.plan import Selection, plan_cells
from harness.predict import predict
from harness.results.grid import Agreement, Verdict
from harness.wheels.archive.contents import WheelFacts, read_wheel
from harness.wheels.archive.elf import ElfFacts
from harness.wheels.build import build_wheel
from tests.support.commands import ROOT
from tests.support.projects import BROKEN, FIXTURES
from tests.support.workspace import make_workspace

pytestmark = pytest.mark.integration

MATRIX = read_matrix(ROOT / "matrix")
BOOK = open_passports(ROOT / "matrix")
FAILS = {
    "debian-11": {"no-binary", "triplet-abi3"},
    "debian-12": {"no-binary", "triplet-abi3", "versioned-abi3", "removed-symbol"},
    "debian-13": {"no-binary", "versioned-abi3", "removed-symbol", "exec-stack"},
}
"""The subjects that fail there; the others pass."""


def built(name: str, arch: str, cache: Cache, builder: str = "cross-glibc") -> WheelFacts:
    wheel = build_wheel(
        name, MATRIX.builder(builder), find_arch(arch), "3.9",
        fixtures=FIXTURES, workspace=make_workspace(cache),
    )  # fmt: skip
    return read_wheel(Path(wheel.path))


def elf_of(facts: WheelFacts) -> ElfFacts:
    (member,) = facts.native
    assert isinstance(member.elf, ElfFacts)
    return member.elf


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "ppc64le", "s390x"])
def test_compiled_defects(arch: str, cache: Cache) -> None:
    """Each module has its one defect on every architecture."""
    assert elf_of(built("exec_stack", arch, cache)).exec_stack
    assert elf_of(built("small_pages", arch, cache)).load_align == 4096
    initial_exec = elf_of(built("initial_exec", arch, cache, "musllinux_1_2"))
    assert initial_exec.static_tls
    assert initial_exec.nameless_tls
    wanted = elf_of(built("removed_symbol", arch, cache)).undefined
    (removed,) = (symbol for symbol in wanted if symbol.name == "malloc_get_state")
    assert removed.version.startswith("GLIBC_2.")
    assert built("no_binary", arch, cache).native == ()
    assert ".abi3-" in built("triplet_abi3", arch, cache).native[0].name
    assert ".cpython-39-" in built("versioned_abi3", arch, cache).native[0].name


@pytest.mark.parametrize(
    ("page", "cause"), [(4096, ""), (16384, Cause.PAGE_SIZE), (65536, Cause.PAGE_SIZE)]
)
def test_page_size_is_predicted(page: int, cause: str, cache: Cache) -> None:
    """No machine here has larger pages, so that failure is predicted and not observed."""
    recorded = BOOK.recorded("debian-13/aarch64")
    assert recorded
    passport = replace(recorded, page_size=page)
    imports = ("wheelgrid_small_pages",)
    found = predict(built("small_pages", "aarch64", cache), passport, BOOK.symbols, imports=imports)
    assert found.cause == cause


@once
def _subjects() -> tuple[str, ...]:
    return tuple(name.replace("_", "-") for name in BROKEN)


def test_each_fails_where_it_must(tmp_path: Path) -> None:
    """On three releases of Debian: by the declared cause, as predicted, and nowhere else."""
    selection = Selection(targets=tuple(FAILS), arches=(native_arch().name,), subjects=_subjects())
    options = RunOptions(prober=ProberOptions(images="assembled"), out=tmp_path / "out", workers=1)
    grid = measure(plan_cells(MATRIX, selection), options, Console(file=io.StringIO()))
    failed: dict[str, set[str]] = {name: set() for name in FAILS}
    for cell in grid.cells:
        assert cell.verdict is Verdict.AS_EXPECTED, cell.cell.id
        assert cell.agreement is Agreement.AGREES, cell.cell.id
        if cell.outcome is not Outcome.PASS:
            failed[cell.cell.target.id].add(cell.cell.subject.id)
    assert failed == FAILS
