"""Provide the wheels of a subject for a target: built, chosen as pip chooses, or the user's."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.passport import Passport
from harness.core.subjects import FileSource, FixtureSource, IndexSource, Subject, WheelRef
from harness.core.targets import Target
from harness.host.cache import Cache
from harness.wheels.archive.filename import parse_wheel_name, tag_rank
from harness.wheels.facts_reader import MOST_DEPENDENCY
from harness.wheels.index.choose import choose_wheel, nearest_refusal
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.locks.file_choice import ReleaseFiles, choose_file
from harness.wheels.locks.stored import load_lock
from harness.wheels.wheel_file import wheel_file

if TYPE_CHECKING:
    from harness.wheels.dependencies.resolution import DependencyResolver


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """The target's installer accepts no wheel of the subject, or none of a dependency."""

    reason: str
    """One line."""
    cause: Cause = Cause.TAG_REFUSED

    def __str__(self) -> str:
        return self.reason


class FixtureBuild(Protocol):
    """Builds fixture wheels."""

    def __call__(self, source: FixtureSource, arch: Arch, python: str) -> WheelRef:
        """Return the wheel of a fixture project for ``python`` (``3.11``) on ``arch``.

        Raises ``BuildError`` and ``UpstreamError``.
        """


class WheelProvider:
    """Builds fixture wheels and fetches index wheels on first use."""

    def __init__(
        self,
        *,
        index: PackageIndex,
        cache: Cache,
        build: FixtureBuild,
        room: int | None = None,
    ) -> None:
        self._index = index
        self._cache = cache
        self._build = build
        self._room = room
        """Bytes for dependencies; None to fetch only those that predictions read."""

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
            lock = subject.dependencies.lock if subject.dependencies else ""
            wheel = self._wheel(source, target, passport, lock)
            if isinstance(wheel, Refusal):
                return wheel
            wheels.append(wheel)
        if not resolves:
            return tuple(wheels)
        from harness.wheels.dependencies.resolver import DependencyRefusedError  # noqa: PLC0415

        try:
            resolved = self._dependencies.resolve(subject, wheels[-1], passport)
        except DependencyRefusedError as refused:
            return Refusal(reason=str(refused), cause=Cause.DEPENDENCY_REFUSED)
        if self._room is None:
            return *self._dependencies.fetch_small(resolved, MOST_DEPENDENCY), wheels[-1]
        return *self._dependencies.fetch(resolved, self._room), wheels[-1]

    @cached_property
    def _dependencies(self) -> "DependencyResolver":
        from harness.wheels.dependencies.resolution import DependencyResolver  # noqa: PLC0415

        return DependencyResolver(self._index, self._cache)

    def _wheel(
        self,
        source: FixtureSource | IndexSource | FileSource,
        target: Target,
        passport: Passport,
        lock: str,
    ) -> WheelRef | Refusal:
        match source:
            case FixtureSource():
                # Not the target's Python: a replica may run another version.
                return self._build(source, target.arch, passport.variant)
            case IndexSource():
                return self._chosen(source, passport, lock)
            case FileSource(paths=paths):
                return _best_file(paths, passport)

    def _chosen(self, source: IndexSource, passport: Passport, lock: str) -> WheelRef | Refusal:
        files = self._index.release(source)
        if lock:
            offered = ReleaseFiles(wheels=files)
            locked = load_lock(lock).find(source)
            chosen = choose_file(locked, offered, passport.tags, passport.python)
            return (
                self._index.fetch(chosen.wheel) if chosen.wheel else Refusal(reason=chosen.reason)
            )
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
    return wheel_file(best)
