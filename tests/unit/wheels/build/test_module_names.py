"""Module suffixes by builder, Python and arch."""

from dataclasses import replace

import pytest

from harness.core.arches import find_arch
from harness.core.errors import BuildError
from harness.core.subjects import Builder, ModuleName
from harness.core.targets import Naming
from harness.wheels.build.module_names import module_suffixes
from harness.wheels.build.project import ModuleFiles
from tests.support.projects import BUILDER, MUSL_BUILDER

FEDORA = Naming(
    id="fedora-legacy", builds={"ppc64le": "ppc64le-linux-gnu", "x86_64": "x86_64-linux-gnu"}
)


@pytest.mark.parametrize(
    ("python", "arch", "suffix"),
    [
        ("3.11", "x86_64", ".cpython-311-x86_64-linux-gnu.so"),
        ("3.9", "i686", ".cpython-39-i386-linux-gnu.so"),
        ("3.13", "ppc64le", ".cpython-313-powerpc64le-linux-gnu.so"),
        ("3.15", "armv7l", ".cpython-315-arm-linux-gnueabihf.so"),
        ("3.13t", "x86_64", ".cpython-313t-x86_64-linux-gnu.so"),
    ],
)
def test_upstream_on_glibc(python: str, arch: str, suffix: str) -> None:
    """A version-specific module has upstream's suffix."""
    assert module_suffixes(BUILDER, python, find_arch(arch), limited=False) == (suffix,)


@pytest.mark.parametrize(
    ("python", "arch", "suffix"),
    [
        ("3.9", "x86_64", ".cpython-39-x86_64-linux-gnu.so"),
        ("3.10", "armv7l", ".cpython-310-arm-linux-gnueabihf.so"),
        ("3.11", "ppc64le", ".cpython-311-powerpc64le-linux-musl.so"),
        ("3.13", "armv7l", ".cpython-313-arm-linux-musleabihf.so"),
        ("3.13t", "s390x", ".cpython-313t-s390x-linux-musl.so"),
    ],
)
def test_upstream_on_musl(python: str, arch: str, suffix: str) -> None:
    """From 3.11 on upstream's suffix distinguishes musl from glibc (bpo-43112)."""
    assert module_suffixes(MUSL_BUILDER, python, find_arch(arch), limited=False) == (suffix,)


@pytest.mark.parametrize(
    ("arch", "suffixes"),
    [
        (
            "ppc64le",
            (".cpython-39-powerpc64le-linux-gnu.so", ".cpython-39-ppc64le-linux-gnu.so", ".so"),
        ),
        ("x86_64", (".cpython-39-x86_64-linux-gnu.so", ".so")),
    ],
)
def test_several_names(arch: str, suffixes: tuple[str, ...]) -> None:
    """Suffixes keep the builder's order, without duplicates."""
    several = replace(BUILDER, names=(ModuleName.UPSTREAM, FEDORA, ModuleName.BARE))
    assert module_suffixes(several, "3.9", find_arch(arch), limited=False) == suffixes


@pytest.mark.parametrize("builder", [BUILDER, MUSL_BUILDER, replace(BUILDER, names=(FEDORA,))])
def test_limited(builder: Builder) -> None:
    """A limited-API module has upstream's name, without version and triplet."""
    assert module_suffixes(builder, "3.9", find_arch("x86_64"), limited=True) == (".abi3.so",)


def test_naming_without_the_arch() -> None:
    """A naming without a triplet for the arch is an error that says where to add it."""
    named = replace(BUILDER, names=(FEDORA,))
    with pytest.raises(BuildError, match=r"fedora-legacy has no triplet for s390x; add it"):
        module_suffixes(named, "3.9", find_arch("s390x"), limited=False)


@pytest.mark.parametrize(
    ("files", "suffixes"),
    [
        (ModuleFiles.AS_TAGGED, (".abi3.so",)),
        (ModuleFiles.TRIPLET, (".abi3-x86_64-linux-gnu.so",)),
        (ModuleFiles.VERSIONED, (".cpython-39-x86_64-linux-gnu.so",)),
        (ModuleFiles.BOTH_BUILDS, (".abi3t.so",)),
        (ModuleFiles.ABSENT, ()),
    ],
)
def test_files_that_do_not_fit_the_tag(files: ModuleFiles, suffixes: tuple[str, ...]) -> None:
    """A project can ask for wrong names, whatever its tag says."""
    arch = find_arch("x86_64")
    assert module_suffixes(BUILDER, "3.9", arch, limited=True, files=files) == suffixes
