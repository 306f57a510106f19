"""Fixture projects made on the spot, the committed ones, and a builder's row."""

from pathlib import Path

from harness.model import Builder

FIXTURES = Path(__file__).parents[2] / "fixtures"

BUILDER = Builder(
    id="cross-test",
    kind="cross",
    libc="glibc",
    glibc={"x86_64": "2.17", "ppc64le": "2.17", "armv7l": "2.17", "riscv64": "2.31"},
    headers={"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie"},
    header_arches={
        "3.13": ("x86_64", "ppc64le", "riscv64"),
        "3.9": ("x86_64", "armv7l"),
        "3.11": ("x86_64", "ppc64le"),
    },
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


def make_project(fixtures: Path, text: str = PLAIN, *, name: str = "demo") -> Path:
    """Write a project of that ``pyproject.toml``, one package and one C file; return its folder."""
    folder = fixtures / name
    package = folder / "src" / f"wheelgrid_{name}"
    package.mkdir(parents=True)
    (folder / "native").mkdir()
    (folder / "pyproject.toml").write_text(text)
    (package / "__init__.py").write_text('"""A demonstration."""\n')
    (folder / "native/impl.c").write_text("int demo;\n")
    return folder
