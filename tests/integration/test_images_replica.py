"""Replicas on the real engine: a musl interpreter starts, reports itself and installs."""

import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from harness.app.engine_wiring import fetch_pip
from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_pinned
from harness.core.observations import ImageRef
from harness.core.targets import ImageWay
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine
from harness.images.debian_root import native_arch
from harness.images.image_archive import write_archive
from harness.images.image_provider import ImageProvider
from harness.images.inventory import list_inventory, remove_items
from harness.images.source import ImageStorage
from harness.probe.session import open_session
from tests.support.commands import wheelgrid
from tests.support.containers import run_in
from tests.support.targets import alpine_replica
from tests.support.workspace import make_workspace

pytestmark = pytest.mark.integration

ARCHES = [native_arch().name, "ppc64le"]
"""The native arch and an emulated one."""

MISSING = """
import sys, os
import pip._internal.cli.main_parser, json, hashlib, zlib, ctypes
files = [m.__cached__ for m in sys.modules.values() if getattr(m, "__cached__", None)]
print(len(files), *[f for f in files if not os.path.exists(f)])
"""


@pytest.fixture(params=ARCHES)
def arch(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def image(engine: DockerEngine, cache: Cache, arch: str) -> ImageRef:
    index = open_pinned(ProberOptions(), print)
    provider = ImageProvider(
        engine, make_workspace(cache), ways=(ImageWay.REPLICA,), fetch_pip=partial(fetch_pip, index)
    )
    return provider.get(alpine_replica(arch))


def test_a_replica_matches_its_naming(engine: DockerEngine, image: ImageRef, arch: str) -> None:
    """It has the naming's suffixes, Debian's musl, the old pip and its tags."""
    target = alpine_replica(arch)
    session = open_session(engine, image.id, target)
    try:
        passport = session.start()
    finally:
        session.close()
    triplet = {"ppc64le": "powerpc64le"}.get(arch, arch) + "-linux-musl"
    assert passport.soabi == f"cpython-39-{triplet}"
    assert passport.extension_suffixes == (f".cpython-39-{triplet}.so", ".abi3.so", ".so")
    assert (passport.libc, passport.installer) == ("musl 1.2.3", "pip 21.3.1")
    assert f"cp39-cp39-musllinux_1_1_{arch}" in passport.tags


def test_a_base_for_musl_has_no_glibc(engine: DockerEngine, image: ImageRef, arch: str) -> None:
    """A glibc wheel finds no loader and no library, as on Alpine."""
    names = set(run_in(engine, image, arch, "ls", "/lib", "/usr/lib").split())
    assert not [
        n for n in names if n.endswith("-linux-gnu") or n.startswith(("libc.so", "ld-linux"))
    ]
    assert f"libc.musl-{arch}.so.1" in names


def test_pips_modules_have_bytecode(engine: DockerEngine, image: ImageRef, arch: str) -> None:
    """The standard library and pip have bytecode on every arch."""
    loaded, *missing = run_in(engine, image, arch, "python3", "-c", MISSING).split()
    assert int(loaded) > 100
    assert missing == []


def test_a_shell_runs_as_nobody(engine: DockerEngine, image: ImageRef, arch: str) -> None:
    """The static busybox runs the commands of a probe."""
    assert run_in(engine, image, arch, "sh", "-c", "id -un; mktemp").split()[0] == "nobody"


@pytest.fixture
def own_prefix(engine: DockerEngine) -> Iterator[str]:
    """Return a unique prefix for image names; remove such images afterwards."""
    prefix = f"wheelgrid-test-{uuid4().hex[:8]}/"
    yield prefix
    for image in engine.list_images(prefix):
        for name in image.names:
            engine.remove_image(name)


def load(engine: DockerEngine, name: str, folder: Path) -> None:
    """Load a small image whose one file holds its name."""
    layer, archive = folder / "layer.tar", folder / "image.tar"
    (folder / "name").write_text(name)
    with tarfile.open(layer, "w") as tar:
        tar.add(folder / "name", "name")
    write_archive([layer], archive, reference=name, arch=native_arch(), labels={})
    engine.load_image(archive, name)


def test_unused_images_are_listed_and_removed(
    engine: DockerEngine, own_prefix: str, tmp_path: Path
) -> None:
    """The list has names, sizes and ages; the used image is kept."""
    used, old = f"{own_prefix}a:used", f"{own_prefix}a:old"
    for name in (used, old):
        load(engine, name, tmp_path)
    uses = {"t/x": (ImageStorage(image=used),)}
    items = list_inventory({"": engine}, Cache(tmp_path), uses, prefix=own_prefix)
    assert [(item.name, item.targets) for item in items] == [(old, ()), (used, ("t/x",))]
    assert all(item.size > 0 and item.made_at > 0 for item in items)
    remove_items(items[:1], {"": engine}, Cache(tmp_path), announce=print)
    assert [image.names for image in engine.list_images(own_prefix)] == [(used,)]


def test_prune_dry_run_names_unused_entries(tmp_path: Path) -> None:
    """An unused root is named and not removed."""
    root = Cache(tmp_path).get("roots", "old.tar", Path.touch)
    env = {"WHEELGRID_CACHE": str(tmp_path)}
    listed = wheelgrid("image", "list", "--unused", env=env)
    pruned = wheelgrid("image", "prune", "--dry-run", env=env)
    assert (listed.status, pruned.status) == (0, 0)
    assert "  roots/old.tar  unused" in listed.out
    assert "would remove roots/old.tar\n" in pruned.out
    assert root.exists()
