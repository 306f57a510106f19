"""Resolve the dependencies of wheels, once per distinct environment, and fetch them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from harness.core.errors import RoomError, WheelError
from harness.core.passport import Passport
from harness.core.subjects import DependencyOptions, IndexSource, Subject, WheelRef
from harness.host.cache import Cache
from harness.wheels.archive.filename import parse_wheel_name, tag_rank
from harness.wheels.archive.metadata import accepts_python
from harness.wheels.dependencies.catalogue import IndexCatalogue, MetadataReader
from harness.wheels.dependencies.lock_catalogue import LockCatalogue
from harness.wheels.dependencies.marker_environment import marker_environment
from harness.wheels.dependencies.offers import Catalogue, OfferedWheel
from harness.wheels.dependencies.requirements import (
    UnusableRequirementError,
    Wanted,
    extras_of,
    is_valid,
    read_requirements,
)
from harness.wheels.dependencies.resolver import DependencyRefusedError, Installable, resolve
from harness.wheels.dependencies.selection import TargetInstaller
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LockedWheel, requirement
from harness.wheels.locks.stored import load_lock
from harness.wheels.wheel_file import wheel_file

_STRICT_SINCE = (24, 1)
"""The first pip that refuses metadata which does not parse (pypa/pip#12063)."""

Resolved = tuple[OfferedWheel, ...] | DependencyRefusedError


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    """Everything that an answer depends on."""

    sha256: str
    companions: tuple[IndexSource, ...]
    options: DependencyOptions
    requires: tuple[str, ...]
    """Requires-Dist lines of the wheel, if its dependencies are resolved."""
    tests: tuple[str, ...]
    """Requirements of its project's own tests."""
    environment: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    strict: bool


class DependencyResolver:
    """Resolves for many subjects and targets; equal environments are resolved once."""

    def __init__(self, index: PackageIndex, cache: Cache) -> None:
        self._index = index
        self._reader = MetadataReader(index, cache)
        self._catalogues: dict[
            tuple[DependencyOptions, tuple[IndexSource, ...]], IndexCatalogue
        ] = {}
        self._answers: dict[_Question, Resolved] = {}

    def resolve(
        self, subject: Subject, wheel: WheelRef, passport: Passport
    ) -> tuple[OfferedWheel, ...]:
        """Return the wheels that a target's installer adds to ``wheel``, sorted by project.

        They fit what the project's own tests require, if that can be installed. Empty if the
        installer refuses the wheel itself: its own message is the answer. Raises
        ``DependencyRefusedError`` and ``PackageIndexError``.
        """
        if subject.dependencies is None:
            return ()
        plain = self._resolve(subject, wheel, passport, ())
        try:
            return _of_projects(plain, self._resolve_all(subject, wheel, passport)) or plain
        except DependencyRefusedError:
            return plain

    def resolve_tests(
        self, subject: Subject, wheel: WheelRef, passport: Passport
    ) -> tuple[OfferedWheel, ...]:
        """Return the wheels that only the project's own tests require, sorted by project.

        They fit those of ``resolve``. Raises as that does.
        """
        every = self._resolve_all(subject, wheel, passport)
        beside = {_project(found) for found in self._resolve(subject, wheel, passport, ())}
        beside |= {companion.name for companion in subject.companions}
        return tuple(found for found in every if _project(found) not in beside)

    def _resolve_all(
        self, subject: Subject, wheel: WheelRef, passport: Passport
    ) -> tuple[OfferedWheel, ...]:
        requires = subject.tests.requires if subject.tests else ()
        return self._resolve(subject, wheel, passport, requires) if requires else ()

    def _resolve(
        self, subject: Subject, wheel: WheelRef, passport: Passport, tests: tuple[str, ...]
    ) -> tuple[OfferedWheel, ...]:
        own = LockedWheel(filename=wheel.filename, sha256=wheel.sha256)
        try:
            requires_python, requires = self._reader.of(OfferedWheel(wheel=own, path=wheel.path))
        except WheelError:
            return ()
        name = parse_wheel_name(wheel.filename)
        refused = tag_rank(name, passport.tags) == len(passport.tags)
        if refused or not accepts_python(requires_python, passport.python):
            return ()
        if subject.dependencies is None:
            requires = ()
        options = subject.dependencies or DependencyOptions()
        if not (requires or options.extras or subject.companions or tests):
            return ()
        installer = _installer(passport)
        if installer.strict and not all(map(is_valid, requires)):
            return ()
        question = _Question(
            sha256=wheel.sha256,
            companions=subject.companions,
            options=options,
            requires=requires,
            tests=tests,
            environment=tuple(sorted(installer.environment.items())),
            tags=installer.tags,
            strict=installer.strict,
        )
        if question not in self._answers:
            candidate = Installable(
                project=name.distribution,
                extra="",
                version=Version(name.version),
                offered=OfferedWheel(wheel=own, path=wheel.path),
                requires=requires,
                chain=(name.release,),
            )
            self._answers[question] = self._answer(subject, question, candidate, installer)
        answer = self._answers[question]
        if isinstance(answer, DependencyRefusedError):
            raise answer
        return answer

    def fetch(self, resolved: Sequence[OfferedWheel], room: int) -> tuple[WheelRef, ...]:
        """Return the files of resolved wheels.

        Raises ``PackageIndexError``, and ``RoomError`` if they have more than ``room`` bytes: if
        the index lists sizes, before anything is downloaded.
        """
        _require_room(sum(self._index.size(each.wheel) for each in resolved), room)
        files = self._files(resolved)
        _require_room(sum(file.size for file in files), room)
        return files

    def fetch_small(self, resolved: Sequence[OfferedWheel], each: int) -> tuple[WheelRef, ...]:
        """Return the files of at most ``each`` bytes, as far as the index lists sizes.

        Raises ``PackageIndexError``.
        """
        return self._files(found for found in resolved if self._index.size(found.wheel) <= each)

    def _files(self, resolved: Iterable[OfferedWheel]) -> tuple[WheelRef, ...]:
        return tuple(
            wheel_file(Path(each.path)) if each.path else self._index.fetch(each.wheel)
            for each in resolved
        )

    def _answer(
        self,
        subject: Subject,
        question: _Question,
        candidate: Installable,
        installer: TargetInstaller,
    ) -> Resolved:
        options = question.options
        catalogue: Catalogue
        if options.lock:
            application = load_lock(options.lock)
            needed = [
                each
                for each in application.dependencies
                if application.needs(each, installer.environment)
            ]
            catalogue = LockCatalogue(needed, self._index, self._reader)
            candidate = replace(candidate, requires=catalogue.with_extras(candidate.requires))
        else:
            catalogue = self._catalogue(subject, options)
        try:
            wanted = (
                *_own_extras(candidate, options.extras),
                *_wanted(subject.companions),
                *_wanted_by_tests(question.tests, installer),
            )
            return resolve(
                candidate,
                wanted,
                options.constraints,
                catalogue,
                installer,
            )
        except DependencyRefusedError as refused:
            return refused

    def _catalogue(self, subject: Subject, options: DependencyOptions) -> IndexCatalogue:
        pinned: tuple[IndexSource, ...] = ()
        if options.locked:
            pinned = (*self._index.pinned_dependencies(subject.id), *subject.companions)
        key = (options, pinned)
        if key not in self._catalogues:
            self._catalogues[key] = IndexCatalogue(self._index, self._reader, options.files, pinned)
        return self._catalogues[key]


def _require_room(size: int, room: int) -> None:
    if size > room:
        raise RoomError(
            f"the dependencies have {size >> 20} MiB, the disk of a cell's container has "
            f"{room >> 20} MiB; give it more with --cell-disk and --cell-memory, or use --no-deps"
        )


def _installer(passport: Passport) -> TargetInstaller:
    numbers = tuple(int(number) for number in re.findall(r"\d+", passport.installer)[:2])
    return TargetInstaller(
        environment=marker_environment(passport),
        tags=passport.tags,
        python=passport.python,
        strict=numbers >= _STRICT_SINCE,
    )


def _project(offered: OfferedWheel) -> str:
    return parse_wheel_name(offered.wheel.filename).distribution


def _of_projects(
    plain: tuple[OfferedWheel, ...], every: tuple[OfferedWheel, ...]
) -> tuple[OfferedWheel, ...]:
    """Return those of ``every`` whose projects ``plain`` has."""
    projects = {_project(found) for found in plain}
    return tuple(found for found in every if _project(found) in projects)


def _own_extras(subject: Installable, extras: Sequence[str]) -> Iterator[Wanted]:
    for extra in extras:
        if extra not in (known := extras_of(subject.requires)):
            has = ", ".join(sorted(known)) or "none"
            raise DependencyRefusedError(
                f"{subject.chain[0]} requires nothing for the extra {extra!r}; its extras: {has}"
            )
        yield Wanted(
            project=subject.project,
            extra=extra,
            specifier=SpecifierSet(),
            text=f"{subject.project}[{extra}]",
            chain=(),
        )


def _wanted_by_tests(lines: Sequence[str], installer: TargetInstaller) -> tuple[Wanted, ...]:
    try:
        return read_requirements(lines, installer.environment, ("the tests",))
    except UnusableRequirementError as error:
        raise DependencyRefusedError(f"the tests: {error}") from error


def _wanted(companions: Sequence[IndexSource]) -> tuple[Wanted, ...]:
    return tuple(
        Wanted(
            project=each.name,
            specifier=SpecifierSet(f"=={each.version}"),
            text=requirement(each),
            chain=(),
        )
        for each in companions
    )
