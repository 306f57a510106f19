"""The wheelhouse: fixture wheels, each built once for everything that it depends on.

In: a project, a builder's row, an arch, a Python. Out: a ``WheelRef`` to a file in the
cache. Its key covers the project's files, the compiler and its target, the headers and
the code of this package, so a wheel is never stale; parallel workers build it once.
"""

import importlib.metadata
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

from harness.arches import Arch, find_arch
from harness.builders.cross import CompileTarget, compile_binaries, planned_binaries, zig_target
from harness.builders.headers import HeaderTree, header_tree, oldest_python
from harness.builders.project import FixtureProject, ProjectKind, load_project
from harness.builders.wheelfile import ComposedName, WheelMember, platform_tag, write_wheel
from harness.cache import Cache, content_key, file_sha256, storing
from harness.errors import BuildError
from harness.model import Builder, WheelRef
from harness.process import ProcessError


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedWheel:
    """One wheel that a builder can make of a project."""

    project: FixtureProject
    builder: Builder
    arch: Arch
    python: str
    """Minor version whose headers it is compiled with; empty where it needs none."""
    name: ComposedName


def plan_wheel(project: FixtureProject, builder: Builder, arch: Arch, python: str) -> PlannedWheel:
    """Return the wheel of ``project`` that serves ``python`` (``3.11``) on ``arch``.

    Raises ``BuildError`` where the builder has no row for that arch or Python.
    """
    if arch.name not in builder.glibc:
        raise BuildError(
            f"builder {builder.id} builds nothing for {arch.name}; "
            "add it to glibc in matrix/builders.yaml"
        )
    headers = _headers_python(project, builder, arch, python)
    pure = project.kind is ProjectKind.PURE
    interpreter, abi = _interpreter_tags(project, headers)
    name = ComposedName(
        distribution=project.distribution,
        version=project.version,
        python=interpreter,
        abi=abi,
        platform="any" if pure else platform_tag(builder.glibc[arch.name], arch.name),
    )
    return PlannedWheel(project=project, builder=builder, arch=arch, python=headers, name=name)


def _headers_python(project: FixtureProject, builder: Builder, arch: Arch, python: str) -> str:
    if project.kind is not ProjectKind.EXTENSION:
        return ""
    if project.limited_api:
        return oldest_python(builder, arch)
    if arch.name not in builder.header_arches.get(python, ()):
        raise BuildError(
            f"builder {builder.id} has no headers of Python {python} for {arch.name}; "
            "add it to headers in matrix/builders.yaml"
        )
    return python


def _interpreter_tags(project: FixtureProject, headers: str) -> tuple[str, str]:
    if not headers:
        return "py3", "none"
    tag = "cp" + (project.limited_api or headers).replace(".", "")
    return tag, "abi3" if project.limited_api else tag


def planned_wheels(project: FixtureProject, builder: Builder) -> tuple[PlannedWheel, ...]:
    """Return every wheel that the builder can make of ``project``, each once."""
    planned = (
        plan_wheel(project, builder, find_arch(arch), python)
        for python, arches in builder.header_arches.items()
        for arch in arches
    )
    return tuple({wheel.name: wheel for wheel in planned}.values())


def build_wheel(  # noqa: PLR0913 -- what, for what, and the three places it works in
    project: str,
    builder: Builder,
    arch: Arch,
    python: str,
    *,
    fixtures: Path,
    cache: Cache,
    announce: Callable[[str], None],
) -> WheelRef:
    """Return the wheel of ``fixtures/<project>`` that serves ``python`` (``3.11``) on ``arch``.

    ``announce`` is told in a few words what takes time. Raises ``BuildError`` with the end
    of the compiler's output and the path of all of it.
    """
    source = load_project(fixtures / project)
    planned = plan_wheel(source, builder, arch, python)
    return build_planned(planned, cache=cache, announce=announce)


def build_planned(
    planned: PlannedWheel, *, cache: Cache, announce: Callable[[str], None]
) -> WheelRef:
    """Return the planned wheel, built unless it is in the wheelhouse; as ``build_wheel``."""
    target = _compile_target(planned, cache, announce)

    def make(path: Path) -> None:
        announce(f"building {planned.name.filename}")
        _write(planned, target, path, cache)

    try:
        path = cache.get(f"wheels/{wheel_key(planned, target)}", planned.name.filename, make)
    except ProcessError as error:
        raise _compiler_failed(planned, error, cache) from error
    return WheelRef(
        filename=path.name, sha256=file_sha256(path), size=path.stat().st_size, path=str(path)
    )


def wheel_key(planned: PlannedWheel, target: CompileTarget) -> str:
    """Return the key of everything that the wheel's bytes depend on."""
    folder = planned.project.folder
    trees = (tree.digest if tree else "" for tree in (target.python_tree, target.cxx_tree))
    files = (f"{p.relative_to(folder)} {file_sha256(p)}" for p in planned.project.input_files())
    return content_key(
        planned.name.filename,
        zig_target(target.arch, target.glibc),
        importlib.metadata.version("ziglang"),
        _code_digest(),
        *trees,
        *files,
    )


@once
def _code_digest() -> str:
    here = Path(__file__).parent
    return content_key(*(file_sha256(module) for module in sorted(here.glob("*.py"))))


def _compile_target(
    planned: PlannedWheel, cache: Cache, announce: Callable[[str], None]
) -> CompileTarget:
    builder, arch = planned.builder, planned.arch

    def tree_of(python: str) -> HeaderTree:
        return header_tree(builder, builder.headers[python], cache=cache, announce=announce)

    return CompileTarget(
        arch=arch,
        glibc=builder.glibc[arch.name],
        python=planned.python,
        python_tree=tree_of(planned.python) if planned.python else None,
        cxx_tree=tree_of(oldest_python(builder, arch)) if planned.project.needs_cxx else None,
    )


def _write(planned: PlannedWheel, target: CompileTarget, path: Path, cache: Cache) -> None:
    project = planned.project
    binaries = planned_binaries(project, planned.arch, planned.python)
    with tempfile.TemporaryDirectory() as out:
        compiled = compile_binaries(
            binaries, target, folder=project.folder, out=Path(out), cache=cache
        )
        members = [
            *(WheelMember(path=at, data=data, executable=True) for at, data in compiled),
            *_python_members(project),
        ]
    write_wheel(path, planned.name, members, _metadata(project))


def _python_members(project: FixtureProject) -> Iterator[WheelMember]:
    for file in project.python_files():
        data = (project.folder / "src" / file).read_bytes()
        yield WheelMember(path=file.as_posix(), data=data)


def _metadata(project: FixtureProject) -> dict[str, str]:
    lines = (
        "Metadata-Version: 2.1",
        f"Name: {project.distribution.replace('_', '-')}",
        f"Version: {project.version}",
        f"Summary: {project.summary}",
        f"Requires-Python: {project.requires_python}",
    )
    texts = {"METADATA": "\n".join(lines) + "\n"}
    if project.scripts:
        scripts = (f"{name} = {entry}\n" for name, entry in project.scripts)
        texts["entry_points.txt"] = "[console_scripts]\n" + "".join(scripts)
    return texts


def _compiler_failed(planned: PlannedWheel, error: ProcessError, cache: Cache) -> BuildError:
    log = cache.root / "logs" / f"{planned.name.filename}.log"
    with storing(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"{' '.join(error.argv)}\n{error.output}")
    return BuildError(
        f"{planned.project.folder}: {planned.name.filename} does not build ({error.reason})\n"
        f"{error.tail}\nall of it: {log}"
    )
