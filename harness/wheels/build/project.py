"""A fixture project as its ``pyproject.toml`` declares it.

In: the project's folder. Out: a frozen ``FixtureProject``, or one ``BuildError`` with
every problem of the file. Extension modules stand in setuptools' own table; what that
cannot say (a shared library of the project's own, an executable) in ``[tool.wheelgrid]``.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.core.errors import BuildError
from harness.core.problems import breadcrumb


class ProjectKind(StrEnum):
    """What a wheel of the project depends on."""

    EXTENSION = "extension"
    """Interpreter and platform, or the platform and a least interpreter (limited API)."""
    TOOL = "tool"
    """The platform alone: it holds an executable."""
    PURE = "pure"
    """Nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """One extension module; the fields are setuptools' own."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", alias_generator=lambda name: name.replace("_", "-")
    )
    name: str
    """Dotted: ``wheelgrid_multi.core._impl``."""
    sources: tuple[str, ...]
    depends: tuple[str, ...] = ()
    define_macros: tuple[tuple[str, str], ...] = ()
    extra_compile_args: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    runtime_library_dirs: tuple[str, ...] = ()
    language: str = "c"
    py_limited_api: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeFile:
    """A shared library or an executable of the project's own."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    path: str
    """Where it lies in the wheel; a library's file name is its soname."""
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FixtureProject:
    """A fixture project, ready to be built."""

    folder: Path
    distribution: str
    """As in a wheel's file name: ``wheelgrid_bundled_lib``; also its package."""
    version: str
    summary: str
    requires_python: str
    scripts: tuple[tuple[str, str], ...]
    """Console scripts: name and entry point."""
    extensions: tuple[Extension, ...]
    limited_api: str
    """Least Python of its limited API, ``3.9``; empty: one wheel for each minor version."""
    library: NativeFile | None
    executable: NativeFile | None

    @property
    def name(self) -> str:
        """Folder name under ``fixtures/``."""
        return self.folder.name

    @property
    def kind(self) -> ProjectKind:
        if self.extensions:
            return ProjectKind.EXTENSION
        return ProjectKind.TOOL if self.executable else ProjectKind.PURE

    @property
    def needs_cxx(self) -> bool:
        return any(extension.language == "c++" for extension in self.extensions)

    def python_files(self) -> tuple[Path, ...]:
        """Return the Python files that the wheel holds, relative to ``src``, sorted."""
        src = self.folder / "src"
        return tuple(sorted(path.relative_to(src) for path in src.rglob("*.py")))

    def input_files(self) -> tuple[Path, ...]:
        """Return every file that a wheel is made of, sorted."""
        patterns = (
            *("pyproject.toml", "setup.py", "MANIFEST.in"),
            *("src/**/*.py", "native/**/*"),
        )
        found = {path for pattern in patterns for path in self.folder.glob(pattern)}
        return tuple(sorted(path for path in found if path.is_file()))


def load_project(folder: Path) -> FixtureProject:
    """Read the fixture project in ``folder``.

    Raises ``BuildError`` that names the file and all its problems, or the projects beside
    it where there is none of that name.
    """
    file = folder / "pyproject.toml"
    try:
        shape = _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BuildError(_no_project(folder)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"{file}: not TOML: {error}") from None
    except ValidationError as error:
        raise BuildError("\n".join(f"{file}: {line}" for line in _problems(error))) from None
    project = _from_shape(folder, shape)
    if wrong := list(_contradictions(project)):
        raise BuildError("\n".join(f"{file}: {line}" for line in wrong))
    return project


def project_names(fixtures: Path) -> tuple[str, ...]:
    """Return the names of the fixture projects in ``fixtures``, sorted."""
    return tuple(sorted(file.parent.name for file in fixtures.glob("*/pyproject.toml")))


# --- the file's shape -------------------------------------------------------------


class _Project(BaseModel):
    name: str
    version: str
    description: str
    requires_python: str = Field(alias="requires-python")
    scripts: dict[str, str] = {}


class _Setuptools(BaseModel):
    ext_modules: tuple[Extension, ...] = Field(default=(), alias="ext-modules")


class _BdistWheel(BaseModel):
    limited_api: str = Field(default="", alias="py-limited-api", pattern=r"^cp3\d+$")


class _Distutils(BaseModel):
    bdist_wheel: _BdistWheel = _BdistWheel()


class _Wheelgrid(BaseModel, extra="forbid"):
    library: NativeFile | None = None
    executable: NativeFile | None = None


class _Tool(BaseModel):
    setuptools: _Setuptools = _Setuptools()
    distutils: _Distutils = _Distutils()
    wheelgrid: _Wheelgrid = _Wheelgrid()


class _File(BaseModel):
    project: _Project
    tool: _Tool = _Tool()


def _from_shape(folder: Path, shape: _File) -> FixtureProject:
    tool = shape.tool
    return FixtureProject(
        folder=folder,
        distribution=shape.project.name.replace("-", "_"),
        version=shape.project.version,
        summary=shape.project.description,
        requires_python=shape.project.requires_python,
        scripts=tuple(sorted(shape.project.scripts.items())),
        extensions=tool.setuptools.ext_modules,
        limited_api=tool.distutils.bdist_wheel.limited_api.replace("cp3", "3."),
        library=tool.wheelgrid.library,
        executable=tool.wheelgrid.executable,
    )


_UNKNOWN = "unknown field: the cross compiler would not heed it"
_WORDING = {
    "missing": "is missing",
    "extra_forbidden": _UNKNOWN,
    "unexpected_keyword_argument": _UNKNOWN,
}


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        what = _WORDING.get(problem["type"]) or problem["msg"].lower()
        yield f"{breadcrumb(problem['loc'])}: {what}"


def _contradictions(project: FixtureProject) -> Iterator[str]:
    package = project.folder / "src" / project.distribution / "__init__.py"
    if not package.is_file():
        yield f"project.name: its package src/{project.distribution}/__init__.py is not there"
    if bool(project.limited_api) != any(e.py_limited_api for e in project.extensions):
        yield (
            "tool.distutils.bdist_wheel.py-limited-api and the extension modules' "
            "py-limited-api: give both or neither"
        )
    natives = [project.library, project.executable, *project.extensions]
    for source in (source for native in natives if native for source in native.sources):
        if not (project.folder / source).is_file():
            yield f"sources: {source} is not there"


def _no_project(folder: Path) -> str:
    known = " ".join(project_names(folder.parent)) or "none"
    return f"{folder}: no fixture project there (no pyproject.toml); known: {known}"
