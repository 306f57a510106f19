"""Renamed builds: errors for an unknown arch."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.errors import BuildError
from harness.host.cache import Cache
from harness.images.cpython import interpreter_tree
from harness.images.cpython.libffi import libffi_arguments
from tests.support.targets import alpine_replica
from tests.support.workspace import make_workspace


def test_naming_without_the_arch_is_an_error(tmp_path: Path) -> None:
    """Nothing is fetched or compiled; the message has the known arches and the file."""
    way = alpine_replica().replica
    assert way is not None
    naming = replace(way.naming, id="demo", builds={"s390x": "s390x-linux-musl"})
    with pytest.raises(BuildError, match=r"no triplet for ppc64le; it has: s390x; add it in"):
        interpreter_tree(
            way.interpreter, find_arch("ppc64le"), "musl", naming, make_workspace(Cache(tmp_path))
        )
    assert list(tmp_path.iterdir()) == []


def test_arch_without_libffi_is_an_error(tmp_path: Path) -> None:
    """The message lists the known arches."""
    arch = replace(find_arch("x86_64"), name="sparc64")
    with pytest.raises(
        BuildError, match="no libffi sources known for sparc64; known: x86_64 i686 aarch64"
    ):
        libffi_arguments(tmp_path, arch, tmp_path)
