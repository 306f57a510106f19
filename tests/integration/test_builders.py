"""Every sound fixture wheel is built for every arch and matches its tag.

The first run downloads headers and compiles some 200 wheels in one or two minutes.
"""

import functools
import itertools
import re
import shutil
import sys
import time
from pathlib import Path

import pytest
from auditwheel.wheel_abi import analyze_wheel_abi
from auditwheel.wheeltools import get_wheel_architecture, get_wheel_libc
from packaging.version import Version

from harness.core.arches import ARCHES, Arch, find_arch
from harness.core.errors import BuildError
from harness.host.cache import Cache
from harness.host.process import run_process
from harness.matrix.files import load_matrix
from harness.wheels.archive.contents import NativeMember, read_wheel
from harness.wheels.archive.elf import ElfFacts
from harness.wheels.build import (
    PlannedWheel,
    build_planned,
    build_wheel,
    load_project,
    planned_wheels,
    project_names,
)
from harness.wheels.build.module_names import module_suffixes
from tests.support.projects import BROKEN, FIXTURES, make_project
from tests.support.wheels import verify_record
from tests.support.workspace import make_workspace

pytestmark = pytest.mark.integration

SOUND = [name for name in project_names(FIXTURES) if name not in BROKEN]
BUILDER = load_matrix(FIXTURES.parent / "matrix").builder("cross-glibc")
WHEELS = [
    wheel for name in SOUND for wheel in planned_wheels(load_project(FIXTURES / name), BUILDER)
]
NATIVE_WHEELS = [wheel for wheel in WHEELS if wheel.name.platform != "any"]


def name_of(wheel: PlannedWheel) -> str:
    return f"{wheel.project.name}-{wheel.name.python}-{wheel.arch.name}"


every_wheel = pytest.mark.parametrize("wheel", WHEELS, ids=name_of)
every_native_wheel = pytest.mark.parametrize("wheel", NATIVE_WHEELS, ids=name_of)


def built(wheel: PlannedWheel, cache: Cache) -> Path:
    return Path(build_planned(wheel, make_workspace(cache)).path)


facts_of = functools.cache(read_wheel)


def elf_files(path: Path) -> list[tuple[NativeMember, ElfFacts]]:
    members = facts_of(path).native
    return [(member, member.elf) for member in members if isinstance(member.elf, ElfFacts)]


@every_wheel
def test_wheel_is_well_formed(wheel: PlannedWheel, cache: Cache) -> None:
    """Name, metadata and RECORD agree; the wheel holds its package and no other module."""
    path = built(wheel, cache)
    verify_record(path)
    facts = facts_of(path)
    assert facts.modules == (wheel.project.distribution,)
    assert facts.pure is (wheel.name.platform == "any")


@every_native_wheel
def test_auditwheel_confirms_the_tag(wheel: PlannedWheel, cache: Cache) -> None:
    """``auditwheel show`` confirms the tag's policy, or an older and stricter one."""
    path = built(wheel, cache)
    found = analyze_wheel_abi(
        get_wheel_libc(path.name),
        get_wheel_architecture(path.name),
        path,
        frozenset(),
        disable_isa_ext_check=False,
        allow_graft=False,
    )
    promised = found.policies.get_policy_by_name(wheel.name.platform.split(".")[0])
    assert found.overall_policy.priority >= promised.priority


@every_native_wheel
def test_binaries_match_the_tag(wheel: PlannedWheel, cache: Cache) -> None:
    """Each binary is for the arch and needs no executable stack and no glibc above the tag."""
    files = elf_files(built(wheel, cache))
    assert files
    for _, elf in files:
        assert elf.machine == wheel.arch.elf_machine
        assert (elf.bits, elf.little) == (wheel.arch.elf_bits, wheel.arch.elf_little)
        assert elf.exec_stack is False
        assert newest_glibc(elf) <= Version(BUILDER.promises[wheel.arch.name])


def newest_glibc(elf: ElfFacts) -> Version:
    asked = itertools.chain.from_iterable(elf.version_needs.values())
    versions = (v.removeprefix("GLIBC_") for v in asked if v.startswith("GLIBC_"))
    return max(map(Version, versions), default=Version("0"))


@every_native_wheel
def test_no_symbol_stays_undefined(wheel: PlannedWheel, cache: Cache) -> None:
    """An undefined symbol without a version is Python's or the wheel's own.

    A shared object links with undefined symbols, so the linker does not report them.
    """
    files = elf_files(built(wheel, cache))
    own = {symbol for _, elf in files for symbol in elf.exported}
    left = {
        symbol.name
        for _, elf in files
        for symbol in elf.undefined
        if not symbol.version and not symbol.weak and not re.match(r"_?Py", symbol.name)
    }
    assert left <= own


@pytest.mark.parametrize("wheel", [w for w in NATIVE_WHEELS if w.project.extensions], ids=name_of)
def test_modules_have_upstream_names(wheel: PlannedWheel, cache: Cache) -> None:
    """Each extension module has the name that upstream's interpreter looks for."""
    limited, files = bool(wheel.project.limited_api), wheel.project.module_files
    at = (wheel.builder, wheel.python, wheel.arch)
    (suffix,) = module_suffixes(*at, limited=limited, files=files)
    wanted = {e.name.replace(".", "/") + suffix for e in wheel.project.extensions}
    assert wanted <= {member.name for member, _ in elf_files(built(wheel, cache))}


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_cxx_wheel_needs_the_systems_runtime(arch: Arch, cache: Cache) -> None:
    """The C++ wheel needs libstdc++.so.6 and its unwinder on every arch."""
    wheel = next(w for w in WHEELS if w.project.name == "cxx" and w.arch == arch)
    [(_, elf)] = elf_files(built(wheel, cache))
    assert {"libstdc++.so.6", "libgcc_s.so.1"} <= set(elf.needed)
    assert "_ZdlPv" in {symbol.name for symbol in elf.undefined}


def test_bundled_library_is_found_beside_the_package(cache: Cache) -> None:
    """The module needs the library by its soname and looks in the wheel's directory."""
    wheel = next(w for w in WHEELS if w.project.name == "bundled_lib")
    elves = {member.name: elf for member, elf in elf_files(built(wheel, cache))}
    library = next(elf for name, elf in elves.items() if ".libs/" in name)
    module = next(elf for name, elf in elves.items() if ".libs/" not in name)
    assert library.soname in module.needed
    assert module.rpath == ("$ORIGIN/../wheelgrid_bundled_lib.libs",)


@pytest.mark.parametrize("name", ["bundled_lib", "cxx"])
def test_a_second_build_gives_the_same_bytes(name: str, cache: Cache, tmp_path: Path) -> None:
    """A second build from a copy in another directory, without a cache, gives the same bytes."""
    wheel = next(w for w in WHEELS if w.project.name == name and w.arch.name == "s390x")
    once = built(wheel, cache)
    shutil.copytree(wheel.project.folder, tmp_path / "fixtures" / name)
    for kind in cache.root.iterdir():
        if kind.name not in ("wheels", "zig"):  # results of compilation
            (tmp_path / kind.name).symlink_to(kind)
    again = build_wheel(
        name, BUILDER, wheel.arch, wheel.python,
        fixtures=tmp_path / "fixtures", workspace=make_workspace(Cache(tmp_path)),
    )  # fmt: skip
    assert Path(again.path).read_bytes() == once.read_bytes()


def test_a_cached_wheel_starts_no_process(cache: Cache) -> None:
    """A cached wheel starts no process: fifty lookups take less than a second."""
    wheel = next(w for w in WHEELS if w.project.name == "cxx")
    built(wheel, cache)
    begin = time.monotonic()
    for _ in range(50):
        built(wheel, cache)
    assert time.monotonic() - begin < 1


def test_compiler_output_is_reported(cache: Cache, tmp_path: Path) -> None:
    """The error has the compiler's last lines and the path of its whole output."""
    folder = make_project(tmp_path)
    (folder / "native/impl.c").write_text("#error this is the reason\n")
    with pytest.raises(BuildError) as caught:
        build_wheel(
            "demo", BUILDER, find_arch("x86_64"), "3.11",
            fixtures=tmp_path, workspace=make_workspace(cache),
        )  # fmt: skip
    text = str(caught.value)
    assert "this is the reason" in text
    log = Path(text.rpartition("all of it: ")[2])
    assert "this is the reason" in log.read_text()


# ``abi3t`` is for CPython 3.15 and newer: a target has it.
@pytest.mark.parametrize("name", [name for name in SOUND if name != "abi3t"])
def test_wheel_passes_on_this_machine(name: str, cache: Cache, tmp_path: Path) -> None:
    """On this machine's Python and arch each wheel imports and its call gives 42."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    arch = run_process(("uname", "-m"), timeout=10).decode().strip()
    if (python, arch) not in BUILDER.builds:
        pytest.skip(f"no wheel is built for Python {python} on {arch}")
    wheel = build_wheel(
        name, BUILDER, find_arch(arch), python,
        fixtures=FIXTURES, workspace=make_workspace(cache),
    )  # fmt: skip
    install = ("-m", "pip", "install", "--no-deps", "--no-index", "--target", tmp_path, wheel.path)
    run_process((sys.executable, *install), timeout=120)
    check = f"import wheelgrid_{name} as m; assert m.selftest() == 42 == m.selftest()"
    run_process((sys.executable, "-c", check), timeout=60, env={"PYTHONPATH": str(tmp_path)})
