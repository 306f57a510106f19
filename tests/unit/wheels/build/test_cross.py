"""Names, targets and commands of the cross compiler."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.subjects import ModuleName
from harness.wheels.build.cross import (
    Binary,
    CompileTarget,
    compiler_command,
    planned_binaries,
    zig_target,
)
from harness.wheels.build.headers import HeaderTree
from harness.wheels.build.project import load_project
from tests.support.projects import BUILDER, FIXTURES, MUSL_BUILDER

TREE = HeaderTree(digest="d", unpack=lambda: Path("/tree/usr"))
X86_64 = find_arch("x86_64")


@pytest.mark.parametrize(
    ("arch", "glibc", "target"),
    [
        ("x86_64", "2.17", "x86_64-linux-gnu.2.17"),
        ("armv7l", "2.17", "arm-linux-gnueabihf.2.17"),
        ("ppc64le", "2.17", "powerpc64le-linux-gnu.2.19"),
        ("ppc64le", "2.28", "powerpc64le-linux-gnu.2.28"),
    ],
)
def test_target(arch: str, glibc: str, target: str) -> None:
    """The target is the promised glibc, or the oldest that zig has for the arch."""
    assert zig_target(CompileTarget(arch=find_arch(arch), glibc=glibc)) == target


@pytest.mark.parametrize(
    ("arch", "target"), [("i686", "x86-linux-musl"), ("armv7l", "arm-linux-musleabihf")]
)
def test_musl_target(arch: str, target: str) -> None:
    """Zig's musl target has no version."""
    assert zig_target(CompileTarget(arch=find_arch(arch), libc="musl")) == target


def test_executable_is_dynamic() -> None:
    """A tool is linked dynamically, which is not zig's default on musl."""
    (tool,) = planned_binaries(load_project(FIXTURES / "tool"), MUSL_BUILDER, X86_64, "")
    assert {"-dynamic", "-pie"} <= set(tool.arguments)


def test_further_names_are_copies() -> None:
    """A module with several names is compiled once."""
    dual = replace(BUILDER, names=(ModuleName.UPSTREAM, ModuleName.BARE))
    (module,) = planned_binaries(load_project(FIXTURES / "plain"), dual, X86_64, "3.11")
    assert module.path == "wheelgrid_plain/_impl.cpython-311-x86_64-linux-gnu.so"
    assert module.copies == ("wheelgrid_plain/_impl.so",)


def test_library_comes_first() -> None:
    """A module that needs the project's library is linked after it."""
    project = load_project(FIXTURES / "bundled_lib")
    library, module = planned_binaries(project, BUILDER, X86_64, "3.11")
    assert library.path == "wheelgrid_bundled_lib.libs/libwheelgrid-answer-9c1f4e07.so.1"
    assert "-Wl,-soname,libwheelgrid-answer-9c1f4e07.so.1" in library.arguments
    assert module.needs == (library.path,)
    assert "-Wl,-rpath,$ORIGIN/../wheelgrid_bundled_lib.libs" in module.arguments


def test_nested_modules() -> None:
    """A dotted module name is a path in the wheel."""
    project, arch = load_project(FIXTURES / "multi"), find_arch("aarch64")
    binaries = planned_binaries(project, BUILDER, arch, "3.11")
    assert [binary.path for binary in binaries] == [
        "wheelgrid_multi/core/_impl.cpython-311-aarch64-linux-gnu.so",
        "wheelgrid_multi/extra/deep/_impl.cpython-311-aarch64-linux-gnu.so",
    ]


def test_command_without_cxx() -> None:
    """C is compiled with Python's headers and without a C++ runtime."""
    target = CompileTarget(arch=find_arch("x86_64"), glibc="2.17", python="3.11", python_tree=TREE)
    command = compiler_command(Binary(path="m.so", sources=("m.c",)), target, (), Path("/out"))
    assert command[1:4] == ("-m", "ziglang", "cc")
    assert "/tree/usr/include/python3.11" in command
    assert not any("stdc++" in word for word in command)
    assert command[-2:] == ("-o", "/out/m.so")


def test_command_with_cxx() -> None:
    """C++ is linked with the distribution's runtime, not with zig's static one."""
    target = CompileTarget(arch=find_arch("armv7l"), glibc="2.17", cxx_tree=TREE)
    binary = Binary(path="m.so", sources=("m.cpp",))
    command = compiler_command(binary, target, (Path("/tree/c++/10"),), Path("/out"))
    assert command[3:6] == ("c++", "-nostdinc++", "-nostdlib++")
    assert "-I/tree/c++/10" in command
    assert "/tree/usr/lib/arm-linux-gnueabihf/libstdc++.so.6" in command


def test_long_double_of_power() -> None:
    """On ppc64le long double is IBM's, as with GCC."""
    target = CompileTarget(arch=find_arch("ppc64le"), glibc="2.17")
    command = compiler_command(Binary(path="m", sources=("m.c",)), target, (), Path("/out"))
    assert "-mabi=ibmlongdouble" in command


def test_exec_stack_is_not_for_the_linker() -> None:
    """Zig does not know the option; the binary says it instead. Others reach the linker."""
    (module,) = planned_binaries(load_project(FIXTURES / "exec_stack"), BUILDER, X86_64, "3.9")
    assert module.exec_stack
    assert "-Wl,-z,execstack" not in module.arguments
    (module,) = planned_binaries(load_project(FIXTURES / "small_pages"), BUILDER, X86_64, "3.9")
    assert not module.exec_stack
    assert "-Wl,-z,max-page-size=4096" in module.arguments


def test_absent_modules_are_not_compiled() -> None:
    """The wheel has its Python files alone."""
    project = load_project(FIXTURES / "no_binary")
    assert planned_binaries(project, BUILDER, X86_64, "3.9") == ()
