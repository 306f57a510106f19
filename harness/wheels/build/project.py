"""Read a fixture project's ``pyproject.toml``.

Extension modules are declared in setuptools' table. ``[tool.wheelgrid]`` declares what that
table cannot: a bundled shared library, an executable, wrong names of modules.
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
    """Interpreter and platform, or platform and minimum interpreter (limited API)."""
    TOOL = "tool"
    """The platform alone: it has an executable."""
    PURE = "pure"
    """Nothing."""


class ModuleFiles(StrEnum):
    """Which files the cross compiler stores a project's modules as, whatever the tag says."""

    AS_TAGGED = "as-tagged"
    VERSIONED = "versioned"
    """Under the names of one minor version, though the tag says abi3."""
    TRIPLET = "triplet"
    """``.abi3-<triplet>.so``, as CPython 3.15 names modules in the limited API."""
    BOTH_BUILDS = "abi3t"
    """``.abi3t.so``, for CPython 3.15 with and without the GIL; the tag says so (PEP 803)."""
    ABSENT = "absent"
    """None: the wheel lacks them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """One extension module, with setuptools' fields."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", alias_generator=lambda name: name.replace("_", "-")
    )
    name: str
    """Dotted: ``wheelgrid_multi.core._impl``."""
    sources: tuple[str, ...]
    depends: tuple[str, ...] = ()
    define_macros: tuple[tuple[str, str], ...] = ()
    extra_compile_args: tuple[str, ...] = ()
    extra_link_args: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    runtime_library_dirs: tuple[str, ...] = ()
    language: str = "c"
    py_limited_api: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeFile:
    """A shared library or an executable of the project."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    path: str
    """Path in the wheel; a library's file name is its soname."""
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FixtureProject:
    """One fixture project."""

    folder: Path
    distribution: str
    """As in a wheel's file name: ``wheelgrid_bundled_lib``; also the package name."""
    version: str
    summary: str
    requires_python: str
    scripts: tuple[tuple[str, str], ...]
    """Console scripts: name and entry point."""
    extensions: tuple[Extension, ...]
    limited_api: str
    """Minimum Python of the limited API, ``3.9``; empty: one wheel per minor version."""
    library: NativeFile | None
    executable: NativeFile | None
    module_files: ModuleFiles

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
    def stable_abi(self) -> str:
        """ABI tag of the limited API; empty: that of one minor version."""
        both = self.module_files is ModuleFiles.BOTH_BUILDS
        return ("abi3.abi3t" if both else "abi3") if self.limited_api else ""

    @property
    def needs_cxx(self) -> bool:
        return any(extension.language == "c++" for extension in self.extensions)

    def python_files(self) -> tuple[Path, ...]:
        """Return the Python files that the wheel holds, relative to ``src``, sorted."""
        src = self.folder / "src"
        return tuple(sorted(path.relative_to(src) for path in src.rglob("*.py")))

    def input_files(self) -> tuple[Path, ...]:
        """Return every file that the build reads, sorted."""
        patterns = (*("pyproject.toml", "setup.py", "MANIFEST.in"), *("src/**/*.py", "native/**/*"))
        found = {path for pattern in patterns for path in self.folder.glob(pattern)}
        return tuple(sorted(path for path in found if path.is_file()))


def load_project(folder: Path) -> FixtureProject:
    """Read the fixture project in ``folder``.

    Raises ``BuildError`` with all problems of the file, or with the known projects if there is
    none of that name.
    """
    file = folder / "pyproject.toml"
    try:
        document = _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BuildError(_no_project(folder)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"{file}: not TOML: {error}") from None
    except ValidationError as error:
        raise BuildError("\n".join(f"{file}: {line}" for line in _problems(error))) from None
    project = _from_document(folder, document)
    if wrong := list(_contradictions(project)):
        raise BuildError("\n".join(f"{file}: {line}" for line in wrong))
    return project


def project_names(fixtures: Path) -> tuple[str, ...]:
    """Return the names of the fixture projects in ``fixtures``, sorted."""
    return tuple(sorted(file.parent.name for file in fixtures.glob("*/pyproject.toml")))


# --- the file's structure ---------------------------------------------------------


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
    module_files: ModuleFiles = Field(default=ModuleFiles.AS_TAGGED, alias="module-files")


class _Tool(BaseModel):
    setuptools: _Setuptools = _Setuptools()
    distutils: _Distutils = _Distutils()
    wheelgrid: _Wheelgrid = _Wheelgrid()


class _File(BaseModel):
    project: _Project
    tool: _Tool = _Tool()


def _from_document(folder: Path, document: _File) -> FixtureProject:
    tool = document.tool
    return FixtureProject(
        folder=folder,
        distribution=document.project.name.replace("-", "_"),
        version=document.project.version,
        summary=document.project.description,
        requires_python=document.project.requires_python,
        scripts=tuple(sorted(document.project.scripts.items())),
        extensions=tool.setuptools.ext_modules,
        limited_api=tool.distutils.bdist_wheel.limited_api.replace("cp3", "3."),
        library=tool.wheelgrid.library,
        executable=tool.wheelgrid.executable,
        module_files=tool.wheelgrid.module_files,
    )


_UNKNOWN = "unknown field: the cross compiler would ignore it"
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
        yield f"project.name: its package src/{project.distribution}/__init__.py is missing"
    if bool(project.limited_api) != any(e.py_limited_api for e in project.extensions):
        yield (
            "tool.distutils.bdist_wheel.py-limited-api and the extension modules' "
            "py-limited-api: give both or neither"
        )
    natives = [project.library, project.executable, *project.extensions]
    for source in (source for native in natives if native for source in native.sources):
        if not (project.folder / source).is_file():
            yield f"sources: {source} is missing"


def _no_project(folder: Path) -> str:
    known = " ".join(project_names(folder.parent)) or "none"
    return f"{folder}: no fixture project there (no pyproject.toml); known: {known}"
