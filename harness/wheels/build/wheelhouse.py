"""Build fixture wheels and cache them.

The cache key covers the project's files, the compiler and its target, the headers (or the
builder image) and the code of this package. Parallel workers build a wheel once.
"""

import importlib.metadata
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.core.arches import Arch
from harness.core.errors import BuildError
from harness.core.subjects import Builder, BuilderKind, WheelRef
from harness.host.cache import Cache, content_key, file_sha256, storing
from harness.host.code_key import code_key
from harness.host.process import ProcessError
from harness.images.debian import Workspace
from harness.wheels.build.builder_image import ContainerBuilder, build_in_container, builder_image
from harness.wheels.build.cross import (
    OLDEST_GLIBC,
    CompileTarget,
    compile_binaries,
    planned_binaries,
    zig_target,
)
from harness.wheels.build.headers import cxx_suite, header_tree, python_headers
from harness.wheels.build.planned import PlannedWheel, plan_wheel
from harness.wheels.build.project import FixtureProject, load_project
from harness.wheels.build.wheelfile import WheelMember, write_wheel


def build_wheel(  # noqa: PLR0913 -- the wheel's parameters, and the folders and services
    project: str,
    builder: Builder,
    arch: Arch,
    python: str,
    *,
    fixtures: Path,
    workspace: Workspace,
    container_builder: ContainerBuilder | None = None,
) -> WheelRef:
    """Return the wheel of ``fixtures/<project>`` that serves ``python`` (``3.11``) on ``arch``.

    ``container_builder`` is for builders that work in containers. Raises ``BuildError`` with the
    end of the compiler's output and the path of its log, ``UpstreamError`` for headers that
    cannot be downloaded, and ``ImageError`` for a builder image.
    """
    source = load_project(fixtures / project)
    planned = plan_wheel(source, builder, arch, python)
    return build_planned(planned, workspace, container_builder)


def build_planned(
    planned: PlannedWheel, workspace: Workspace, container_builder: ContainerBuilder | None = None
) -> WheelRef:
    """Return the planned wheel, built unless it is cached. Raises as ``build_wheel`` does."""
    if planned.builder.kind is BuilderKind.CONTAINER:
        return _from_container(planned, container_builder, workspace)
    target, cache = _compile_target(planned, workspace), workspace.cache

    def make(path: Path) -> None:
        workspace.announce(f"building {planned.name.filename}")
        try:
            _write(planned, target, path, cache)
        except ProcessError as error:
            raise _compiler_failed(planned, error, cache) from error

    path = cache.get(f"wheels/{wheel_key(planned, target)}", planned.name.filename, make)
    return wheel_ref(path)


def _from_container(
    planned: PlannedWheel, container_builder: ContainerBuilder | None, workspace: Workspace
) -> WheelRef:
    if container_builder is None:
        raise BuildError(
            f"builder {planned.builder.id} needs a container engine, and none answers here; "
            "run `wheelgrid doctor`"
        )
    image = builder_image(planned, container_builder)

    def make(path: Path) -> None:
        workspace.announce(f"building {planned.name.filename} in {image.origin}")
        path.write_bytes(build_in_container(planned, image, container_builder))

    key = content_key(
        planned.name.filename,
        image.id,
        *(str(source) for source in planned.builder.requires),
        *_sources_digest(planned),
    )
    path = workspace.cache.get(f"wheels/{key}", planned.name.filename, make)
    return wheel_ref(path, builder=image.origin)


def wheel_ref(path: Path, builder: str = "") -> WheelRef:
    """Return a reference to the wheel file at ``path``."""
    return WheelRef(
        filename=path.name,
        sha256=file_sha256(path),
        size=path.stat().st_size,
        path=str(path),
        builder=builder,
    )


def wheel_key(planned: PlannedWheel, target: CompileTarget) -> str:
    """Return a cache key of everything that the wheel's bytes depend on."""
    trees = (tree.digest if tree else "" for tree in (target.python_tree, target.cxx_tree))
    binaries = planned_binaries(planned.project, planned.builder, planned.arch, planned.python)
    return content_key(
        planned.name.filename,
        zig_target(target),
        importlib.metadata.version("ziglang"),
        *trees,
        *(path for binary in binaries for path in (binary.path, *binary.copies)),
        *_sources_digest(planned),
    )


def _sources_digest(planned: PlannedWheel) -> Iterator[str]:
    """Yield digests of the project's files and of this package's code."""
    folder = planned.project.folder
    yield code_key(__name__)
    for file in planned.project.input_files():
        yield f"{file.relative_to(folder)} {file_sha256(file)}"


def _compile_target(planned: PlannedWheel, workspace: Workspace) -> CompileTarget:
    builder, arch, python = planned.builder, planned.arch, planned.python
    cxx = cxx_suite(builder, arch) if planned.project.needs_cxx else ""
    return CompileTarget(
        arch=arch,
        libc=builder.libc,
        glibc=builder.promises.get(arch.name, OLDEST_GLIBC),
        python=python,
        python_tree=python_headers(builder, python, arch, workspace) if python else None,
        cxx_tree=header_tree(builder, cxx, workspace) if cxx else None,
    )


def _write(planned: PlannedWheel, target: CompileTarget, path: Path, cache: Cache) -> None:
    project = planned.project
    binaries = planned_binaries(project, planned.builder, planned.arch, planned.python)
    with tempfile.TemporaryDirectory() as out:
        compiled = compile_binaries(
            binaries, target, folder=project.folder, out=Path(out), cache=cache
        )
        members = [
            *(WheelMember(path=at, data=data, mode=0o755) for at, data in compiled),
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
        log.write_text(f"{' '.join(error.argv)}\n{error.output}", "utf-8")
    return BuildError(
        f"{planned.project.folder}: {planned.name.filename} does not build ({error.reason})\n"
        f"{error.tail}\nall of it: {log}"
    )
