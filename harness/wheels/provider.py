"""Provide the wheels of a subject for a target: built, chosen as pip chooses, or the user's."""

from dataclasses import dataclass
from pathlib import Path

from harness.core.causes import Cause
from harness.core.cells import Matrix
from harness.core.passport import Passport
from harness.core.subjects import (
    BuilderKind,
    FileSource,
    FixtureSource,
    IndexSource,
    Subject,
    WheelRef,
)
from harness.core.targets import Target
from harness.host.compiler import require_compiler
from harness.images.debian import Workspace
from harness.wheels.archive.filename import parse_wheel_name, tag_rank
from harness.wheels.build import ContainerBuilder, build_wheel
from harness.wheels.build.wheelhouse import wheel_ref
from harness.wheels.dependencies.resolution import DependencyResolver
from harness.wheels.dependencies.resolver import DependencyRefusedError
from harness.wheels.facts_reader import MOST_DEPENDENCY
from harness.wheels.index.choose import choose_wheel, nearest_refusal
from harness.wheels.index.fetch import PackageIndex


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """The target's installer accepts no wheel of the subject, or none of a dependency."""

    reason: str
    """One line."""
    cause: Cause = Cause.TAG_REFUSED

    def __str__(self) -> str:
        return self.reason


class WheelProvider:
    """Builds fixture wheels and fetches index wheels on first use."""

    def __init__(
        self,
        matrix: Matrix,
        *,
        index: PackageIndex,
        fixtures: Path,
        workspace: Workspace,
        container_builder: ContainerBuilder | None = None,
        room: int | None = None,
    ) -> None:
        self._matrix = matrix
        self._index = index
        self._dependencies = DependencyResolver(index, workspace.cache)
        self._fixtures = fixtures
        self._workspace = workspace
        self._container_builder = container_builder
        self._room = room
        """Bytes for dependencies; None to fetch only those that predictions read."""
        self._made: dict[tuple[FixtureSource, str, str], WheelRef] = {}
        """By source, arch and Python: computing a wheel's cache key hashes all its inputs."""

    def wheels_for(
        self, subject: Subject, target: Target, passport: Passport
    ) -> tuple[WheelRef, ...] | Refusal:
        """Return the wheels to install, in order: the companions, then the wheel under test.

        Companions are those of the subject or, if they are resolved, its dependencies. Raises
        ``BuildError`` for a fixture wheel that does not build, ``UpstreamError`` for one whose
        headers cannot be downloaded, ``PackageIndexError`` for an index wheel, and ``RoomError``
        for dependencies that are too large.
        """
        resolves = subject.dependencies is not None
        wheels = []
        for source in (*(() if resolves else subject.companions), subject.source):
            wheel = self._wheel(source, target, passport)
            if isinstance(wheel, Refusal):
                return wheel
            wheels.append(wheel)
        if not resolves:
            return tuple(wheels)
        try:
            resolved = self._dependencies.resolve(subject, wheels[-1], passport)
        except DependencyRefusedError as refused:
            return Refusal(reason=str(refused), cause=Cause.DEPENDENCY_REFUSED)
        if self._room is None:
            return *self._dependencies.fetch_small(resolved, MOST_DEPENDENCY), wheels[-1]
        return *self._dependencies.fetch(resolved, self._room), wheels[-1]

    def _wheel(
        self, source: FixtureSource | IndexSource | FileSource, target: Target, passport: Passport
    ) -> WheelRef | Refusal:
        match source:
            case FixtureSource():
                return self._built(source, target, passport)
            case IndexSource():
                return self._chosen(source, passport)
            case FileSource(paths=paths):
                return _best_file(paths, passport)

    def _built(self, source: FixtureSource, target: Target, passport: Passport) -> WheelRef:
        # Not the target's Python: a replica may run another version.
        key = (source, target.arch_name, passport.minor)
        builder = self._matrix.builder(source.builder)
        if builder.kind is not BuilderKind.CONTAINER:
            require_compiler()
        if key not in self._made:
            self._made[key] = build_wheel(
                source.project,
                builder,
                target.arch,
                passport.minor,
                fixtures=self._fixtures,
                workspace=self._workspace,
                container_builder=self._container_builder,
            )
        return self._made[key]

    def _chosen(self, source: IndexSource, passport: Passport) -> WheelRef | Refusal:
        files = self._index.release(source)
        wheel = choose_wheel(files, passport.tags, passport.python)
        if wheel is None:
            return Refusal(reason=nearest_refusal(files, passport.tags, passport.python))
        return self._index.fetch(wheel)


def _best_file(paths: tuple[str, ...], passport: Passport) -> WheelRef:
    """Return the file that the installer ranks first, or the first file if it accepts none.

    The target's installer is still run on a file with an unsupported tag, to report the refusal.
    """
    names = {path: parse_wheel_name(Path(path).name) for path in paths}
    best = Path(min(paths, key=lambda path: tag_rank(names[path], passport.tags)))
    return wheel_ref(best)
