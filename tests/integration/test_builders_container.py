"""A builder image builds the same wheel as the cross builder, except for the code.

The image is a stand-in on loopback, pulled through a mirror as with ``--registry``.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import docker
import pytest

from harness.app.engine_wiring import fetch_sole
from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_pinned
from harness.core.arches import Arch, find_arch
from harness.core.errors import BuildError
from harness.core.subjects import Builder, BuilderKind, Headers, IndexSource, WheelRef
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine
from harness.images.debian_root import native_arch
from harness.images.registry import RegistrySource
from harness.wheels.archive.contents import read_wheel
from harness.wheels.archive.elf import ElfFacts
from harness.wheels.build import ContainerBuilder, build_wheel
from harness.wheels.build.builder_image import build_in_container
from harness.wheels.build.planned import plan_wheel
from harness.wheels.build.project import load_project
from tests.support.builder_image import PROMISE, make_builder_image
from tests.support.commands import ROOT
from tests.support.projects import FIXTURES, make_project
from tests.support.registry import loopback_registry
from tests.support.wheels import verify_record
from tests.support.workspace import make_workspace

pytestmark = pytest.mark.integration

NATIVE, FOREIGN = native_arch(), find_arch("aarch64")
PROMISES = {NATIVE.name: PROMISE, FOREIGN.name: PROMISE}
IMAGE = Builder(
    id="image-stand-in",
    kind=BuilderKind.CONTAINER,
    libc="glibc",
    promises=PROMISES,
    image="quay.io/pypa/manylinux_2_39_{arch}",
    pythons=("3.13",),
    requires=(
        IndexSource(name="setuptools", version="82.0.1"),
        IndexSource(name="tomli", version="2.0.1"),
    ),
)
CROSS = Builder(
    id="cross-named-alike",
    kind=BuilderKind.CROSS,
    libc="glibc",
    promises=PROMISES,
    headers=(Headers(python="3.13", suite="trixie", arches=tuple(PROMISES)),),
)


@pytest.fixture(scope="module")
def container_builder(
    engine: DockerEngine, cache: Cache, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ContainerBuilder]:
    """Return a builder on the real engine, with a registry of two stand-in images."""
    index = open_pinned(ProberOptions(matrix_folder=ROOT / "matrix"), print)
    with loopback_registry(tmp_path_factory.mktemp("registry")) as server:
        for arch in (NATIVE, FOREIGN):
            image = make_builder_image(engine, cache, arch)
            server.push(image, arch, f"pypa/manylinux_2_39_{arch.name}", "latest")
        source = RegistrySource(engine, cache, mirror=server.host, tries=1, announce=print)
        yield ContainerBuilder(
            engine_of=lambda _: engine,
            fetch_image=source.fetch,
            fetch_wheel=partial(fetch_sole, index),
        )
        _forget(server.host)


def _forget(host: str) -> None:
    client = docker.from_env()
    for image in client.images.list():
        for tag in image.tags:
            if tag.startswith(f"{host}/"):
                client.images.remove(tag)
    client.close()


def built(
    name: str, builder: Builder, arch: Arch, cache: Cache, container_builder: ContainerBuilder
) -> WheelRef:
    return build_wheel(
        name, builder, arch, "3.13",
        fixtures=FIXTURES, workspace=make_workspace(cache), container_builder=container_builder,
    )  # fmt: skip


def elves(wheel: WheelRef) -> dict[str, ElfFacts]:
    members = read_wheel(Path(wheel.path)).native
    return {member.name: member.elf for member in members if isinstance(member.elf, ElfFacts)}


# Weak symbols of start and end files; GCC's and zig's differ.
START_FILES = {
    "__cxa_finalize",
    "__gmon_start__",
    "_ITM_deregisterTMCloneTable",
    "_ITM_registerTMCloneTable",
}


def asked_for(elf: ElfFacts) -> set[tuple[str, str]]:
    """Return the undefined symbols with their versions."""
    return {(s.name, s.version) for s in elf.undefined if s.name not in START_FILES}


CASES = [
    *((name, NATIVE) for name in ("plain", "abi3", "multi", "bundled_lib", "tool", "pure")),
    ("plain", FOREIGN),
]


@pytest.mark.parametrize(("name", "arch"), CASES, ids=[f"{n}-{a.name}" for n, a in CASES])
def test_both_builders_give_the_same_wheel(
    name: str, arch: Arch, cache: Cache, container_builder: ContainerBuilder
) -> None:
    """Both builders give the same files, tags, needed libraries and symbols."""
    own = built(name, IMAGE, arch, cache, container_builder)
    cross_built = built(name, CROSS, arch, cache, container_builder)
    verify_record(Path(own.path))
    assert own.filename == cross_built.filename
    assert "/pypa/manylinux_2_39_" in own.builder
    assert "@sha256:" in own.builder
    assert cross_built.builder == ""
    ours, theirs = elves(own), elves(cross_built)
    assert ours.keys() == theirs.keys()
    for file, elf in ours.items():
        assert set(elf.needed) == set(theirs[file].needed), file
        assert asked_for(elf) == asked_for(theirs[file]), file
        assert elf.rpath + elf.runpath == theirs[file].rpath + theirs[file].runpath, file


def test_compiler_output_of_a_builder_image_is_reported(
    container_builder: ContainerBuilder, tmp_path: Path
) -> None:
    """The error has the compiler's last lines."""
    folder = make_project(tmp_path)
    (folder / "native/impl.c").write_text("#error this is the reason\n")
    planned = plan_wheel(load_project(folder), IMAGE, NATIVE, "3.13")
    image = container_builder.fetch_image(IMAGE.image.replace("{arch}", NATIVE.name), NATIVE)
    with pytest.raises(BuildError, match="this is the reason"):
        build_in_container(planned, image, container_builder)
