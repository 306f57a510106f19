"""The input and output of a builder image's container."""

import io
import tarfile
from pathlib import Path

import pytest

from harness.core.arches import Arch, find_arch
from harness.core.errors import BuildError
from harness.core.observations import ImageRef
from harness.core.subjects import IndexSource
from harness.core.targets import ImageWay
from harness.host.cache import Cache
from harness.host.engine import Completed, ContainerSpec
from harness.host.engine.api import StillRunningError
from harness.wheels.build import ContainerBuilder, build_planned, load_project, plan_wheel
from harness.wheels.build.builder_image import build_in_container
from harness.wheels.build.planned import PlannedWheel
from tests.support.image_engine import ImageEngine
from tests.support.projects import FIXTURES, IMAGE_BUILDER
from tests.support.workspace import make_workspace

IMAGE = ImageRef(id="sha256:1", way=ImageWay.REGISTRY, origin="pypa/manylinux2014@sha256:2")
NAME = "wheelgrid_plain-1.0.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"


class Image(ImageEngine):
    """An engine whose container prints the given output."""

    def __init__(self, output: bytes, *, status: int = 0, errors: str = "") -> None:
        super().__init__()
        self._completed = Completed(status=status, output=output, errors=errors)
        self.specs: list[ContainerSpec] = []
        self.received = b""

    def run(self, spec: ContainerSpec, *, stdin: bytes = b"", timeout: float) -> Completed:
        assert timeout > 0
        self.specs.append(spec)
        self.received = stdin
        return self._completed


def planned(name: str = "plain") -> PlannedWheel:
    return plan_wheel(load_project(FIXTURES / name), IMAGE_BUILDER, find_arch("x86_64"), "3.11")


def container_builder(engine: Image, folder: Path) -> ContainerBuilder:
    def fetch_image(name: str, arch: Arch) -> ImageRef:
        assert name == f"pypa/manylinux2014_{arch.name}"
        return IMAGE

    def fetch_wheel(source: IndexSource) -> Path:
        path = folder / f"{source.name}-{source.version}-py3-none-any.whl"
        path.write_bytes(b"tools")
        return path

    return ContainerBuilder(
        engine_of=lambda _: engine, fetch_image=fetch_image, fetch_wheel=fetch_wheel
    )


def packed(*names: str, data: bytes = b"wheel", kind: bytes = tarfile.REGTYPE) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size, member.type = len(data) if kind == tarfile.REGTYPE else 0, kind
            tar.addfile(member, io.BytesIO(data))
    return made.getvalue()


def test_sources_go_in(tmp_path: Path) -> None:
    """The container gets the project, its build requirements, the Python and the platform."""
    engine = Image(packed(NAME.replace("plain", "bundled_lib")))
    build_in_container(planned("bundled_lib"), IMAGE, container_builder(engine, tmp_path))
    with tarfile.open(fileobj=io.BytesIO(engine.received)) as tar:
        names = set(tar.getnames())
    assert {"project/setup.py", "project/native/answer.h"} < names
    assert "requires/setuptools-82.0.1-py3-none-any.whl" in names
    assert engine.specs[0].command[-2:] == ("cp311-cp311", "manylinux_2_17_x86_64")


def test_pure_python_is_not_repaired(tmp_path: Path) -> None:
    """Auditwheel refuses a wheel without a platform."""
    engine = Image(packed("wheelgrid_pure-1.0.0-py3-none-any.whl"))
    build_in_container(planned("pure"), IMAGE, container_builder(engine, tmp_path))
    assert engine.specs[0].command[-2:] == ("cp39-cp39", "")


def test_built_wheel_has_its_planned_name(tmp_path: Path) -> None:
    """Its tags may be in another order; the image is recorded, and it is built once."""
    engine = Image(packed(NAME))
    refs = [
        build_planned(
            planned(), make_workspace(Cache(tmp_path)), container_builder(engine, tmp_path)
        )
        for _ in range(2)
    ]
    assert refs[0] == refs[1]
    assert refs[0].filename == planned().name.filename
    assert Path(refs[0].path).read_bytes() == b"wheel"
    assert refs[0].builder == IMAGE.origin
    assert len(engine.specs) == 1


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"no tar file at all",
        packed(),
        packed(NAME, NAME),
        packed(NAME, kind=tarfile.SYMTYPE),
        packed("../" + NAME),
        packed("plain.whl"),
        packed(NAME.replace("2014", "2010")),
        packed(NAME.replace("plain", "other")),
        packed(NAME)[:600],
    ],
    ids=["nothing", "junk", "empty", "two", "link", "path", "name", "tag", "project", "short"],
)
def test_unplanned_output_is_refused(tmp_path: Path, output: bytes) -> None:
    """The output of an image is untrusted: name, number and type of its files are checked."""
    with pytest.raises(BuildError, match="was to build wheelgrid_plain"):
        build_in_container(planned(), IMAGE, container_builder(Image(output), tmp_path))


def test_oversized_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel above the size limit is an error."""
    monkeypatch.setattr("harness.wheels.build.builder_image.MOST_WHEEL", 4)
    with pytest.raises(BuildError, match="of 5 bytes"):
        build_in_container(planned(), IMAGE, container_builder(Image(packed(NAME)), tmp_path))


def test_failed_build(tmp_path: Path) -> None:
    """A failed build reports the end of its output."""
    engine = Image(b"", status=1, errors="gcc: no such luck")
    with pytest.raises(BuildError, match=r"does not build in the image(.|\n)*no such luck"):
        build_in_container(planned(), IMAGE, container_builder(engine, tmp_path))


def test_a_build_that_does_not_end_is_a_build_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is not at fault."""

    def run(*_: object, timeout: float, **__: object) -> Completed:
        raise StillRunningError(f"sh: still running in its container after {timeout:.0f} s")

    engine = Image(b"")
    monkeypatch.setattr(engine, "run", run)
    with pytest.raises(BuildError, match=r"does not build .*after 1800 s it is not done"):
        build_in_container(planned(), IMAGE, container_builder(engine, tmp_path))


def test_no_engine(tmp_path: Path) -> None:
    """A builder image without an engine is an error that says so."""
    with pytest.raises(BuildError, match="needs a container engine, and none answers here"):
        build_planned(planned(), make_workspace(Cache(tmp_path)))
