"""Which wheel a subject is on a target: built, chosen as the installer would, or the user's own.

In: a subject, a target and its passport. Out: wheel files on the host, or a ``Refusal``
where the target's installer would accept none of what there is.
"""

from dataclasses import dataclass
from pathlib import Path

from harness.core.cells import Matrix
from harness.core.passport import Passport
from harness.core.subjects import FileSource, FixtureSource, IndexSource, Subject, WheelRef
from harness.core.targets import Target
from harness.host.cache import file_sha256
from harness.images.debian import Workspace
from harness.wheels.archive.filename import parse_wheel_name, tag_rank
from harness.wheels.build import ContainerBuilder, build_wheel
from harness.wheels.index.choose import choose_wheel, nearest_refusal
from harness.wheels.index.fetch import PackageIndex


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """No wheel of the subject is for this target; ``reason`` is one line for the user."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class WheelProvider:
    """Wheels for cells: fixture wheels are built and index wheels fetched when first asked for."""

    def __init__(
        self,
        matrix: Matrix,
        *,
        index: PackageIndex,
        fixtures: Path,
        workspace: Workspace,
        container_builder: ContainerBuilder | None = None,
    ) -> None:
        self._matrix = matrix
        self._index = index
        self._fixtures = fixtures
        self._workspace = workspace
        self._container_builder = container_builder
        self._made: dict[tuple[FixtureSource, str, str], WheelRef] = {}
        """By source, arch and Python: to look a wheel up is to hash all that it is made of."""

    def wheels_for(
        self, subject: Subject, target: Target, passport: Passport
    ) -> tuple[WheelRef, ...] | Refusal:
        """Return the wheels to install, in order: the companions, then the wheel under test.

        Raises ``BuildError`` for a fixture wheel that does not build, ``UpstreamError`` for
        one whose headers cannot be fetched and ``PackageIndexError`` for an index wheel.
        """
        wheels = []
        for source in (*subject.companions, subject.source):
            wheel = self._wheel(source, target, passport)
            if isinstance(wheel, Refusal):
                return wheel
            wheels.append(wheel)
        return tuple(wheels)

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
        # Not the target's Python: in a replica another may stand in for it.
        key = (source, target.arch_name, passport.minor)
        if key not in self._made:
            self._made[key] = build_wheel(
                source.project,
                self._matrix.builder(source.builder),
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
    """Return the file whose best tag the installer ranks first; the first one if it accepts none.

    A file that the installer refuses is still shown to it: the verdict is the installer's.
    """
    names = {path: parse_wheel_name(Path(path).name) for path in paths}
    best = Path(min(paths, key=lambda path: tag_rank(names[path], passport.tags)))
    return WheelRef(
        filename=best.name, sha256=file_sha256(best), size=best.stat().st_size, path=str(best)
    )
