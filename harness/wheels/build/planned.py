"""Plan which wheels a builder makes of a project, and name them before they are built."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.core.arches import Arch, find_arch
from harness.core.errors import BuildError
from harness.core.subjects import Builder, BuilderKind
from harness.wheels.archive.filename import platform_tag
from harness.wheels.build.headers import cxx_suite, oldest_python
from harness.wheels.build.project import FixtureProject, ProjectKind
from harness.wheels.build.wheelfile import ComposedName


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedWheel:
    """One wheel that a builder can build from a project."""

    project: FixtureProject
    builder: Builder
    arch: Arch
    python: str
    """Minor version that it is compiled for; empty if independent of Python."""
    name: ComposedName


def plan_wheel(project: FixtureProject, builder: Builder, arch: Arch, python: str) -> PlannedWheel:
    """Return the wheel of ``project`` that serves ``python`` (``3.11``) on ``arch``.

    Raises ``BuildError`` if the builder lacks that arch, that Python or a needed C++ runtime.
    """
    if arch.name not in {name for _, name in builder.builds}:
        raise BuildError(
            f"builder {builder.id} builds nothing for {arch.name}; add it in matrix/builders.yaml"
        )
    if not _has_compiler(project, builder, arch):
        raise BuildError(
            f"builder {builder.id} has no C++ runtime for {arch.name}, which {project.name} needs; "
            "add headers of a suite in matrix/builders.yaml"
        )
    own = _own_python(project, builder, arch, python)
    pure = project.kind is ProjectKind.PURE
    interpreter, abi = _interpreter_tags(project, own)
    tag = platform_tag(builder.libc, builder.promises.get(arch.name, ""), arch.name)
    name = ComposedName(
        distribution=project.distribution,
        version=project.version,
        python=interpreter,
        abi=abi,
        platform="any" if pure else tag,
    )
    return PlannedWheel(project=project, builder=builder, arch=arch, python=own, name=name)


def planned_wheels(
    project: FixtureProject, builder: Builder, wanted: Callable[[str, str], bool] | None = None
) -> tuple[PlannedWheel, ...]:
    """Return every wheel that the builder can build from ``project``, each once.

    ``wanted`` selects by Python and arch.
    """
    planned = (
        plan_wheel(project, builder, find_arch(arch), python)
        for python, arch in builder.builds
        if wanted is None or wanted(python, arch)
        if _has_compiler(project, builder, find_arch(arch))
    )
    return tuple({wheel.name: wheel for wheel in planned}.values())


def _has_compiler(project: FixtureProject, builder: Builder, arch: Arch) -> bool:
    own = builder.kind is BuilderKind.CONTAINER
    return own or not project.needs_cxx or bool(cxx_suite(builder, arch))


def _own_python(project: FixtureProject, builder: Builder, arch: Arch, python: str) -> str:
    if project.kind is not ProjectKind.EXTENSION:
        return ""
    if project.limited_api:
        return oldest_python(builder, arch, project.limited_api)
    if (python, arch.name) not in builder.builds:
        raise BuildError(
            f"builder {builder.id} has no headers of Python {python} for {arch.name}; "
            "add it to headers in matrix/builders.yaml"
        )
    return python


def _interpreter_tags(project: FixtureProject, python: str) -> tuple[str, str]:
    if not python:
        return "py3", "none"
    abi = "cp" + (project.limited_api or python).replace(".", "")
    return abi.removesuffix("t"), project.stable_abi or abi
