"""``FixtureWheels``: the wheels of the matrix's fixture subjects, each built once."""

from pathlib import Path

from harness.core.arches import Arch
from harness.core.cells import Matrix
from harness.core.subjects import BuilderKind, FixtureSource, WheelRef
from harness.host.compiler_check import require_compiler
from harness.images.debian import Workspace
from harness.wheels.build.builder_image import ContainerBuilder
from harness.wheels.build.wheelhouse import build_wheel


class FixtureWheels:
    """``FixtureBuild`` with the builders of a matrix."""

    def __init__(
        self,
        matrix: Matrix,
        *,
        fixtures: Path,
        workspace: Workspace,
        container_builder: ContainerBuilder | None = None,
    ) -> None:
        self._matrix = matrix
        self._fixtures = fixtures
        self._workspace = workspace
        self._container_builder = container_builder
        self._made: dict[tuple[FixtureSource, str, str], WheelRef] = {}
        """By source, arch and Python: computing a wheel's cache key hashes all its inputs."""

    def __call__(self, source: FixtureSource, arch: Arch, python: str) -> WheelRef:
        builder = self._matrix.builder(source.builder)
        if builder.kind is not BuilderKind.CONTAINER:
            require_compiler()
        key = (source, arch.name, python)
        if key not in self._made:
            self._made[key] = build_wheel(
                source.project,
                builder,
                arch,
                python,
                fixtures=self._fixtures,
                workspace=self._workspace,
                container_builder=self._container_builder,
            )
        return self._made[key]
