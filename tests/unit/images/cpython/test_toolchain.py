"""zig's targets and wrappers for interpreters."""

import subprocess
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.images.cpython.toolchain import write_wrappers, zig_target


@pytest.mark.parametrize(
    ("arch", "libc", "target"),
    [
        ("x86_64", "musl", "x86_64-linux-musl"),
        ("armv7l", "musl", "arm-linux-musleabihf"),
        ("armv7l", "glibc", "arm-linux-gnueabihf.2.17"),
        ("ppc64le", "glibc", "powerpc64le-linux-gnu.2.19"),
        ("i686", "glibc", "x86-linux-gnu.2.17"),
    ],
)
def test_zig_target_of_arch_and_libc(arch: str, libc: str, target: str) -> None:
    """Hard float on 32-bit arm; zig links for no glibc before 2.19 on ppc64le."""
    assert zig_target(find_arch(arch), libc) == target


def test_long_double_is_gccs(tmp_path: Path) -> None:
    """The arch's flag follows zig's, which it overrides."""
    write_wrappers(tmp_path / "bin", find_arch("ppc64le"), "glibc")
    flags = (tmp_path / "bin/compile").read_text().split()
    assert flags.index("-mabi=ibmlongdouble") > flags.index("-mabi=ieeelongdouble")


def test_makefile_sets_the_optimization(tmp_path: Path) -> None:
    """The default is none and a later ``-O2`` counts; ``zig cc`` merges levels."""
    write_wrappers(tmp_path / "bin", find_arch("x86_64"), "musl")
    assert (tmp_path / "bin/compile").read_text().endswith("\n-O0\n")
    (tmp_path / "x.c").write_text("int level = __OPTIMIZE__ + 0;\n")
    command = [str(tmp_path / "bin/cc"), "-E"]
    plain = subprocess.run([*command, "x.c"], cwd=tmp_path, check=True, capture_output=True)
    fast = subprocess.run([*command, "-O2", "x.c"], cwd=tmp_path, check=True, capture_output=True)
    assert (b"level = 1 + 0" in plain.stdout, b"level = 1 + 0" in fast.stdout) == (False, True)


def test_wrapper_compiles_for_its_arch(tmp_path: Path) -> None:
    """It does not depend on this machine."""
    write_wrappers(tmp_path / "bin", find_arch("s390x"), "musl")
    (tmp_path / "x.c").write_text("int x;\n")
    command = [str(tmp_path / "bin/cc"), "-c", "x.c"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    assert (tmp_path / "x.o").read_bytes()[4:6] == b"\x02\x02"  # 64 bits, big endian
    subprocess.run([tmp_path / "bin/ar", "rcs", "x.a", "x.o"], cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "x.a").read_bytes().startswith(b"!<arch>")
