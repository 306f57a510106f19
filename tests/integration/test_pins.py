"""Pins of images and packages from a real registry and mirror."""

import shutil
from pathlib import Path

import pytest

from harness.app.wiring import read_matrix
from harness.core.errors import ImageError
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine
from harness.images.debian.package_lock import read_locks
from harness.images.debian_root import native_arch
from harness.matrix.package_sets import package_sets
from tests.support.commands import ROOT, wheelgrid
from tests.support.registry import loopback_registry
from tests.support.targets import debian_12
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration


def test_registry_digest(engine: DockerEngine, cache: Cache, tmp_path: Path) -> None:
    """The digest of the manifest list is found without pulling; a missing tag is reported."""
    images = assembled_images(engine, cache)
    arch = native_arch()
    with loopback_registry(tmp_path) as server:
        manifest = server.push(images.get(debian_12(arch.name)).id, arch, "hub/debian", arch.name)
        digest = server.put_list("hub/debian", "12", manifest)
        assert engine.registry_digest(f"{server.host}/hub/debian:12") == digest
        assert engine.find_image(f"{server.host}/hub/debian:12") is None
        with pytest.raises(ImageError, match="hub/debian:13: its registry reports no digest"):
            engine.registry_digest(f"{server.host}/hub/debian:13")


def test_pins_of_the_committed_matrix(engine: DockerEngine, cache: Cache, tmp_path: Path) -> None:
    """Available images of targets and builders are pinned; others are reported (exit code 3)."""
    matrix = tmp_path / "matrix"
    shutil.copytree(ROOT / "matrix", matrix, ignore=shutil.ignore_patterns("passports"))
    images = assembled_images(engine, cache)
    arch = native_arch()
    with loopback_registry(tmp_path) as server:
        image = images.get(debian_12(arch.name)).id
        manifest = server.push(image, arch, "hub/debian", arch.name)
        target = server.put_list("hub/debian", "12", manifest)
        manifest = server.push(image, arch, f"hub/pypa/manylinux2014_{arch.name}", "x")
        builder = server.put_list(f"hub/pypa/manylinux2014_{arch.name}", "latest", manifest)
        mirror = ("--registry", f"{server.host}/hub", "--matrix", matrix)
        done = wheelgrid("pins", "--update", "--only", "images", "--only", "wheels", *mirror)
    assert done.status == 3, done.said
    assert "debian:13: its registry reports no digest" in done.err
    assert f'+      {arch.name}: "{builder}"  # pinned' in done.out
    read = read_matrix(matrix)
    (made,) = (each for each in read.builders if each.id == "image-manylinux2014")
    assert made.digests == {arch.name: builder}
    assert f'"debian:12@{target}"' in (matrix / "targets.yaml").read_text()
    shown = wheelgrid("pins", *mirror)
    assert f"pypa/manylinux2014_{arch.name}  {builder}  20" in shown.out


@pytest.mark.nightly
def test_package_locks_of_the_committed_matrix(tmp_path: Path) -> None:
    """All package sets of the matrix are locked, or reported as unchanged."""
    matrix = tmp_path / "matrix"
    shutil.copytree(ROOT / "matrix", matrix, ignore=shutil.ignore_patterns("passports"))
    done = wheelgrid("pins", "--update", "--only", "packages", "--matrix", matrix)
    assert done.status == (3 if "its pool lacks it" in done.err else 0), done.said
    locks = read_locks(matrix)
    for wanted in package_sets(read_matrix(matrix)):
        assert locks[wanted.suite].find(wanted), wanted
