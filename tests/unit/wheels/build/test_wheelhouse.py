"""Names and cache keys of planned wheels."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.errors import BuildError
from harness.core.subjects import Builder, BuilderKind, Headers, ModuleName
from harness.core.targets import Interpreter
from harness.host.cache import Cache
from harness.wheels.archive.contents import read_wheel
from harness.wheels.build import build_wheel, load_project, plan_wheel, planned_wheels
from harness.wheels.build.cross import CompileTarget
from harness.wheels.build.headers import HeaderTree
from harness.wheels.build.planned import PlannedWheel
from harness.wheels.build.wheelhouse import wheel_key
from tests.support.projects import BUILDER, FIXTURES, IMAGE_BUILDER, MUSL_BUILDER, make_project
from tests.support.wheels import verify_record
from tests.support.workspace import make_workspace

X86_64 = find_arch("x86_64")


def plan(
    name: str, arch: str = "x86_64", python: str = "3.11", builder: Builder = BUILDER
) -> PlannedWheel:
    return plan_wheel(load_project(FIXTURES / name), builder, find_arch(arch), python)


@pytest.mark.parametrize(
    ("name", "filename"),
    [
        ("plain", "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        ("abi3", "cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        ("tool", "py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        ("pure", "py3-none-any.whl"),
    ],
)
def test_names(name: str, filename: str) -> None:
    """The tag says what the wheel depends on."""
    assert plan(name).name.filename == f"wheelgrid_{name}-1.0.0-{filename}"


def test_one_stable_abi_is_compiled_with_the_first_python_that_has_it() -> None:
    """A wheel of abi3t has both tags, so that installers of both builds of CPython accept it."""
    since = Headers(python="3.15", suite="sid", arches=("x86_64",))
    planned = plan("abi3t", builder=replace(BUILDER, headers=(since, *BUILDER.headers)))
    assert planned.python == "3.15"
    assert planned.name.tags.startswith("cp315-abi3.abi3t-manylinux_2_17_x86_64.")
    with pytest.raises(BuildError, match=r"no headers of Python 3\.15 or later for x86_64"):
        plan("abi3t")


@pytest.mark.parametrize(
    ("builder", "platform"),
    [
        (MUSL_BUILDER, "musllinux_1_2_armv7l"),
        (replace(MUSL_BUILDER, kind=BuilderKind.DISTRIBUTION, promises={}), "linux_armv7l"),
    ],
)
def test_platforms(builder: Builder, platform: str) -> None:
    """The tag promises a version of the C library, or none at all."""
    assert plan("plain", "armv7l", "3.9", builder).name.platform == platform


def test_free_threaded_wheel_has_the_flag_in_its_abi_alone() -> None:
    """As upstream's: cp313-cp313t. The limited API takes no free-threaded headers."""
    own = Interpreter(id="cpython-3.13t", python="3.13t", suite="trixie", source="python3.13")
    rows = (Headers(python="3.13t", interpreter=own, arches=("riscv64",)), *BUILDER.headers)
    both = replace(BUILDER, headers=rows)
    name = plan("plain", "riscv64", "3.13t", both).name
    assert (name.python, name.abi) == ("cp313", "cp313t")
    assert plan("abi3", "riscv64", "3.13t", both).python == "3.13"


def test_builder_image_needs_no_headers() -> None:
    """A builder image builds with its own Pythons, and limited-API wheels with the oldest."""
    assert plan("cxx", "aarch64", "3.9", IMAGE_BUILDER).name.python == "cp39"
    assert plan("abi3", "aarch64", "3.11", IMAGE_BUILDER).python == "3.9"


def test_no_cxx_without_a_runtime() -> None:
    """A C++ wheel without a runtime is not planned, and requesting it is an error."""
    assert planned_wheels(load_project(FIXTURES / "cxx"), MUSL_BUILDER) == ()
    with pytest.raises(BuildError, match=r"has no C\+\+ runtime for x86_64, which cxx needs"):
        plan("cxx", "x86_64", "3.9", MUSL_BUILDER)


def test_limited_api_takes_the_oldest_headers() -> None:
    """A limited-API wheel is built once, against the oldest headers."""
    assert plan("abi3", "ppc64le", "3.13") == plan("abi3", "ppc64le", "3.11")
    assert plan("abi3", "ppc64le", "3.13").python == "3.11"


def test_python_without_headers() -> None:
    """A Python without headers is an error that says what to add."""
    with pytest.raises(BuildError, match=r"no headers of Python 3\.9 for riscv64; add it"):
        plan("plain", "riscv64", "3.9")


def test_arch_without_glibc() -> None:
    """An arch without a promised glibc is an error, for a tool too."""
    with pytest.raises(BuildError, match="builds nothing for s390x"):
        plan("tool", "s390x")


@pytest.mark.parametrize(("name", "count"), [("plain", 7), ("abi3", 4), ("tool", 4), ("pure", 1)])
def test_each_wheel_is_planned_once(name: str, count: int) -> None:
    """One wheel per Python and arch, or per arch, or for all: as its tag says."""
    wheels = planned_wheels(load_project(FIXTURES / name), BUILDER)
    assert len(wheels) == len({wheel.name.filename for wheel in wheels}) == count


TARGET = CompileTarget(
    arch=X86_64,
    glibc="2.17",
    python="3.11",
    python_tree=HeaderTree(digest="headers", unpack=lambda: Path("/tree")),
)


def key_of(folder: Path, target: CompileTarget = TARGET, builder: Builder = BUILDER) -> str:
    return wheel_key(plan_wheel(load_project(folder), builder, X86_64, "3.11"), target)


def edit(file: str) -> Callable[[Path], None]:
    def append(folder: Path) -> None:
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + "\n")

    return append


@pytest.mark.parametrize(
    "file", ["pyproject.toml", "native/impl.c", "native/new.h", "src/wheelgrid_demo/__init__.py"]
)
def test_key_changes_with_every_file(tmp_path: Path, file: str) -> None:
    """A change to any file of the project changes the key."""
    folder = make_project(tmp_path)
    before = key_of(folder)
    edit(file)(folder)
    assert key_of(folder) != before


@pytest.mark.parametrize(
    "target",
    [
        replace(TARGET, glibc="2.28"),
        replace(TARGET, arch=find_arch("aarch64")),
        replace(TARGET, libc="musl"),
        replace(TARGET, python_tree=HeaderTree(digest="newer", unpack=lambda: Path("/tree"))),
        replace(TARGET, cxx_tree=HeaderTree(digest="runtime", unpack=lambda: Path("/tree"))),
    ],
)
def test_key_changes_with_the_target(tmp_path: Path, target: CompileTarget) -> None:
    """Another glibc, arch, set of headers or C++ runtime changes the key."""
    folder = make_project(tmp_path)
    assert key_of(folder, target) != key_of(folder)


def test_key_changes_with_the_names(tmp_path: Path) -> None:
    """Another module name changes the key, though the wheel's name is the same."""
    folder = make_project(tmp_path)
    bare = replace(BUILDER, names=(ModuleName.BARE,))
    assert key_of(folder, builder=bare) != key_of(folder)


def test_key_changes_with_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of zig changes the key."""
    folder = make_project(tmp_path)
    before = key_of(folder)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "99")
    assert key_of(folder) != before


def test_key_changes_with_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of the builders changes the key."""
    folder = make_project(tmp_path)
    before = key_of(folder)
    monkeypatch.setattr("harness.wheels.build.wheelhouse.code_key", lambda _: "other code")
    assert key_of(folder) != before


def test_key_is_of_contents(tmp_path: Path) -> None:
    """The same project in another folder has the same key."""
    assert key_of(make_project(tmp_path / "a")) == key_of(make_project(tmp_path / "b"))


def test_pure_wheel(tmp_path: Path) -> None:
    """The pure project's wheel is well-formed and built once."""
    lines: list[str] = []

    def build() -> str:
        wheel = build_wheel(
            "pure", BUILDER, X86_64, "3.11",
            fixtures=FIXTURES, workspace=make_workspace(Cache(tmp_path), lines.append),
        )  # fmt: skip
        return wheel.path

    path = Path(build())
    verify_record(path)
    assert read_wheel(path).modules == ("wheelgrid_pure",)
    assert Path(build()) == path
    assert lines == ["building wheelgrid_pure-1.0.0-py3-none-any.whl"]
