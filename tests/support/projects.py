"""Fixture projects: small ones made by tests, the committed ones, and a builder."""

from pathlib import Path

from harness.core.subjects import Builder, BuilderKind, Headers, IndexSource
from tests.support.targets import CPYTHON_39

FIXTURES = Path(__file__).parents[2] / "fixtures"

BROKEN = (
    "exec_stack", "initial_exec", "no_binary", "removed_symbol", "small_pages", "triplet_abi3",
    "versioned_abi3",
)  # fmt: skip
"""The committed projects whose wheels fail somewhere, as published ones did."""

BUILDER = Builder(
    id="cross-test",
    kind=BuilderKind.CROSS,
    libc="glibc",
    promises={"x86_64": "2.17", "ppc64le": "2.17", "armv7l": "2.17", "riscv64": "2.31"},
    headers=(
        Headers(python="3.13", suite="trixie", arches=("x86_64", "ppc64le", "riscv64")),
        Headers(python="3.9", suite="bullseye", arches=("x86_64", "armv7l")),
        Headers(python="3.11", suite="bookworm", arches=("x86_64", "ppc64le")),
    ),
)

MUSL_BUILDER = Builder(
    id="musl-test",
    kind=BuilderKind.CROSS,
    libc="musl",
    promises={"x86_64": "1.2", "armv7l": "1.2"},
    headers=(Headers(python="3.9", interpreter=CPYTHON_39, arches=("x86_64", "armv7l")),),
)

IMAGE_BUILDER = Builder(
    id="image-test",
    kind=BuilderKind.CONTAINER,
    libc="glibc",
    promises={"x86_64": "2.17", "aarch64": "2.17"},
    image="pypa/manylinux2014_{arch}",
    pythons=("3.11", "3.9"),
    requires=(IndexSource(name="setuptools", version="82.0.1"),),
)

PLAIN = """\
[project]
name = "wheelgrid-demo"
version = "1.0.0"
description = "A demonstration"
requires-python = ">=3.6"

[[tool.setuptools.ext-modules]]
name = "wheelgrid_demo._impl"
sources = ["native/impl.c"]
"""


def make_project(fixtures: Path, text: str = PLAIN) -> Path:
    """Write a project with that ``pyproject.toml``, a package and a C file; return its folder."""
    folder = fixtures / "demo"
    package = folder / "src" / "wheelgrid_demo"
    package.mkdir(parents=True)
    (folder / "native").mkdir()
    (folder / "pyproject.toml").write_text(text)
    (package / "__init__.py").write_text('"""A demonstration."""\n')
    (folder / "native/impl.c").write_text("int demo;\n")
    return folder
