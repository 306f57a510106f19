"""Reading a fixture project."""

from pathlib import Path

import pytest

from harness.core.errors import BuildError
from harness.wheels.build.project import ProjectKind, load_project, project_names
from tests.support.projects import BROKEN, FIXTURES, PLAIN, make_project

KINDS = {
    "abi3": ProjectKind.EXTENSION,
    "abi3t": ProjectKind.EXTENSION,
    "bundled_lib": ProjectKind.EXTENSION,
    "cxx": ProjectKind.EXTENSION,
    "multi": ProjectKind.EXTENSION,
    "nogil": ProjectKind.EXTENSION,
    "numeric": ProjectKind.EXTENSION,
    "plain": ProjectKind.EXTENSION,
    "pure": ProjectKind.PURE,
    "threads": ProjectKind.EXTENSION,
    "tool": ProjectKind.TOOL,
    **dict.fromkeys(BROKEN, ProjectKind.EXTENSION),
}


def refusal(fixtures: Path, text: str) -> str:
    folder = make_project(fixtures, text)
    with pytest.raises(BuildError) as caught:
        load_project(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_committed_projects() -> None:
    """Every committed project loads with the kind that its tables declare."""
    assert {n: load_project(FIXTURES / n).kind for n in project_names(FIXTURES)} == KINDS


@pytest.mark.parametrize("name", sorted(KINDS))
def test_committed_docstrings(name: str) -> None:
    """The package's docstring says what the project catches."""
    project = load_project(FIXTURES / name)
    source = (project.folder / "src" / project.distribution / "__init__.py").read_text()
    assert source.startswith('"""Catches ')


def test_limited_api() -> None:
    """The minimum Python of a limited-API project is read from setuptools' field."""
    project = load_project(FIXTURES / "abi3")
    assert project.limited_api == "3.9"
    assert project.extensions[0].define_macros == (("Py_LIMITED_API", "0x03090000"),)


def test_no_project(tmp_path: Path) -> None:
    """A folder without a pyproject.toml is an error that lists the projects."""
    make_project(tmp_path)
    with pytest.raises(BuildError, match=r"absent: no fixture project there .*known: demo$"):
        load_project(tmp_path / "absent")


def test_not_toml(tmp_path: Path) -> None:
    """A syntax error is reported with its position."""
    assert refusal(tmp_path, "[project\n").startswith("pyproject.toml: not TOML: ")


def test_every_problem_at_once(tmp_path: Path) -> None:
    """Missing and mistyped fields are reported together, each with its path in the file."""
    text = PLAIN.replace('version = "1.0.0"\n', "").replace('["native/impl.c"]', "7")
    assert refusal(tmp_path, text).splitlines() == [
        "pyproject.toml: project.version: is missing",
        "pyproject.toml: tool.setuptools.ext-modules[0].sources: input should be a valid tuple",
    ]


@pytest.mark.parametrize(
    ("addition", "where"),
    [
        ('include-dirs = ["x"]', "tool.setuptools.ext-modules[0].include-dirs"),
        ("[tool.wheelgrid]\nlibary = 1", "tool.wheelgrid.libary"),
    ],
)
def test_unknown_field(tmp_path: Path, addition: str, where: str) -> None:
    """A field that the cross compiler would ignore is an error."""
    assert refusal(tmp_path, PLAIN + addition + "\n") == (
        f"pyproject.toml: {where}: unknown field: the cross compiler would ignore it"
    )


def test_missing_source(tmp_path: Path) -> None:
    """A declared source that is missing is named."""
    text = PLAIN.replace("impl.c", "other.c")
    assert refusal(tmp_path, text) == "pyproject.toml: sources: native/other.c is missing"


def test_missing_package(tmp_path: Path) -> None:
    """The package must have the distribution's name."""
    text = PLAIN.replace("wheelgrid-demo", "wheelgrid-other")
    assert "src/wheelgrid_other/__init__.py is missing" in refusal(tmp_path, text)


def test_half_limited(tmp_path: Path) -> None:
    """A limited-API module needs a limited-API tag (irspack issue 116)."""
    assert "give both or neither" in refusal(tmp_path, PLAIN + "py-limited-api = true\n")
