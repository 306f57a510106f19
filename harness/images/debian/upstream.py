"""What is taken from the distribution: a set of packages in, its files out, each checked.

A set comes to what the lock says of it. A suite that changes every day, and any set of a run with
``--latest``, comes to what the signed index says. Where the one cannot be fetched whole, the other
is taken whole, with a note that says so; never a mixture.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from harness.core.errors import UpstreamError
from harness.core.targets import Suite
from harness.host.cache import Cache, file_sha256
from harness.host.download import Downloader, DownloadError
from harness.images.debian.apt_index import IndexAnswer, ask_index
from harness.images.debian.mirrors import Mirrors, find_mirrors, host_of
from harness.images.debian.package_lock import RENEW, SuiteLock
from harness.images.debian.packages import Package, PackageSet, SourceChoice
from harness.images.debian.resolutions import Resolutions

KIND = "debs"
"""What the cache calls files of the pool."""
_LARGEST_INDEX = 4 << 20
"""Bytes of the signed list of a suite's files; 0.2 MiB for sid."""
_DOWNLOADS = 4
"""Files that are downloaded at a time."""

T = TypeVar("T")


class VersionsFrom(StrEnum):
    """What names the packages of a set."""

    LOCK = "the lock"
    MEMORY = "the index, asked within a day"
    INDEX = "the index of today"
    STALE = "the index, asked longer ago"


_PINNED = (VersionsFrom.LOCK, VersionsFrom.MEMORY, VersionsFrom.INDEX, VersionsFrom.STALE)
_ROLLING = (VersionsFrom.MEMORY, VersionsFrom.INDEX, VersionsFrom.LOCK, VersionsFrom.STALE)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedSet:
    """What a set of packages came to."""

    packages: tuple[Package, ...]
    """Sorted."""
    note: str = ""
    """What it is instead of what was asked for, and why; empty where it is just that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Where the distribution is found, and what is pinned of it."""

    locks: Mapping[str, SuiteLock] = field(default_factory=dict)
    """By suite."""
    suites: Mapping[str, Suite] = field(default_factory=dict)
    """Those that the matrix says something of."""
    latest: bool = False
    """Follow today's index, whatever is locked."""


class Upstream:
    """The distribution as one process sees it. What could not be fetched is not asked for again.

    What it raises is ``UpstreamError``, or ``CacheError``.
    """

    def __init__(
        self,
        settings: Settings,
        cache: Cache,
        announce: Callable[[str], None],
        downloader: Downloader | None = None,
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._announce = announce
        self._downloader = downloader or Downloader()
        # Apart: a mirror whose index is silent may well give files.
        self._indexes = self._downloader.fresh_copy()
        self._resolutions = Resolutions(cache.root / "resolutions")
        self._unusable: dict[tuple[PackageSet, VersionsFrom], UpstreamError] = {}
        self._sources: dict[SourceChoice, tuple[Package, Path] | UpstreamError] = {}

    @cached_property
    def mirrors(self) -> Mirrors:
        """Where files are looked for; found when first needed."""
        return find_mirrors()

    def suite(self, name: str) -> Suite:
        """Return what the matrix says of a suite."""
        return self._settings.suites.get(name) or Suite(id=name)

    def recall(self, wanted: PackageSet) -> ResolvedSet | None:
        """Return what a set comes to as far as is known here, without asking anyone."""
        for basis in self._bases(wanted):
            if basis is VersionsFrom.INDEX or (wanted, basis) in self._unusable:
                continue
            if packages := self._named_by(basis, wanted):
                return ResolvedSet(packages=packages)
        return None

    def resolve(self, wanted: PackageSet) -> ResolvedSet:
        """Return what a set comes to. An index is asked once a day at most, the lock needs none."""
        return self._first(wanted, lambda _basis, resolved: resolved)

    def fetch(self, wanted: PackageSet) -> tuple[ResolvedSet, tuple[Path, ...]]:
        """Return what a set comes to that can be fetched whole, and its files in the same order."""

        def fetch(
            basis: VersionsFrom, resolved: ResolvedSet
        ) -> tuple[ResolvedSet, tuple[Path, ...]]:
            return resolved, self._files(wanted.title, resolved.packages, basis)

        return self._first(wanted, fetch)

    def source(self, choice: SourceChoice) -> tuple[Package, Path]:
        """Return the first upstream archive of the choice that can be fetched, and its file."""
        if choice not in self._sources:
            try:
                self._sources[choice] = self._find_source(choice)
            except UpstreamError as error:
                self._sources[choice] = error
        found = self._sources[choice]
        if isinstance(found, UpstreamError):
            raise found
        return found

    def _find_source(self, choice: SourceChoice) -> tuple[Package, Path]:
        problems: list[str] = []
        for basis, package in self._source_candidates(choice, problems):
            try:
                (path,) = self._files(f"the source of {choice.name}", (package,), basis)
            except UpstreamError as error:
                problems.append(str(error))
            else:
                return package, path
        raise UpstreamError("; ".join(problems) or f"no suite is named for {choice.name}")

    def locked_source(self, choice: SourceChoice) -> Package | None:
        """Return the upstream archive that is tried first, where it is a lock that names it."""
        return None if self._settings.latest else next(self._locked_sources(choice), None)

    def ask(
        self, suite: str, sets: Sequence[PackageSet], sources: Sequence[str] = ()
    ) -> IndexAnswer:
        """Return what the signed index of a suite says today; ``sets`` have the same arches."""
        what = " ".join(sets[0].arches) if sets else "sources"
        self._announce(f"asking the index of Debian {suite} ({what})")
        return ask_index(self.suite(suite), self.mirrors, sets, sources, self._reach)

    def _reach(self, address: str) -> str:
        """Return why an index does not answer; empty where it does, or where apt should tell."""
        with tempfile.TemporaryDirectory(prefix="index-") as folder:
            try:
                self._indexes.download((address,), Path(folder, "index"), size=_LARGEST_INDEX)
            except DownloadError as error:
                missing = all(failure.missing for failure in error.failures)
                return "" if missing else str(error)
        return ""

    def file(self, package: Package) -> Path:
        """Return the file of a package, from the cache or downloaded.

        Raises ``DownloadError``, and remembers nothing.
        """

        def download(path: Path) -> None:
            self._downloader.download(
                self.mirrors.addresses(package), path, size=package.size, sha256=package.sha256
            )

        return self._cache.get(KIND, cached_name(package), download, sha256=package.sha256)

    def try_file(self, package: Package, path: Path) -> bool:
        """Write the file of a package to ``path``, whatever its bytes.

        False where every mirror answers that it has none.
        """
        try:
            self._downloader.download(self.mirrors.addresses(package), path, size=package.size)
        except DownloadError as error:
            if not all(failure.missing for failure in error.failures):
                raise UpstreamError(f"{package.filename}: {error}") from error
            return False
        return True

    def is_cached(self, package: Package) -> bool:
        """Whether the cache has the file, with the right bytes."""
        path = self._cache.root / KIND / cached_name(package)
        return path.is_file() and file_sha256(path) == package.sha256

    # --- what names packages, in the order in which it is tried ----------------------------

    def _bases(self, wanted: PackageSet) -> tuple[VersionsFrom, ...]:
        follows = self._settings.latest or self.suite(wanted.suite).rolling
        return _ROLLING if follows else _PINNED

    def _first(self, wanted: PackageSet, use: Callable[[VersionsFrom, ResolvedSet], T]) -> T:
        """Return what ``use`` makes of the first basis that does; the ones before it failed."""
        failed: list[UpstreamError] = []
        bases = self._bases(wanted)
        for basis in bases:
            try:
                if (wanted, basis) in self._unusable:
                    raise self._unusable[wanted, basis]
                if packages := self._named_by(basis, wanted):
                    note = self._note(wanted, basis, packages, failed)
                    return use(basis, ResolvedSet(packages=packages, note=note))
            except UpstreamError as error:
                if (wanted, basis) not in self._unusable:
                    self._unusable[wanted, basis] = error
                    self._announce(str(error))
                failed.append(error)
        raise UpstreamError("; ".join(dict.fromkeys(map(str, failed))))

    def _named_by(self, basis: VersionsFrom, wanted: PackageSet) -> tuple[Package, ...] | None:
        """Return the packages that the basis names; None where it names none."""
        match basis:
            case VersionsFrom.LOCK:
                lock = self._settings.locks.get(wanted.suite)
                return lock.find(wanted) if lock else None
            case VersionsFrom.INDEX:
                packages = self.ask(wanted.suite, (wanted,)).sets[wanted]
                return self._resolutions.keep(wanted, packages).packages
            case VersionsFrom.MEMORY | VersionsFrom.STALE:
                known = self._resolutions.recall(wanted)
                fresh = known is not None and known.is_fresh(time.time())
                return known.packages if known and fresh == (basis is VersionsFrom.MEMORY) else None

    def _note(
        self,
        wanted: PackageSet,
        basis: VersionsFrom,
        packages: tuple[Package, ...],
        failed: Sequence[UpstreamError],
    ) -> str:
        """Say what is taken instead of what comes first, and why; empty where that is taken."""
        first = self._bases(wanted)[0]
        if basis is first or (first is VersionsFrom.MEMORY and basis is VersionsFrom.INDEX):
            return ""
        day = max(package.day for package in packages)
        what = "as locked on" if basis is VersionsFrom.LOCK else "resolved anew from the index of"
        why = str(failed[0]) if failed else f"{wanted.title} is not pinned (`{RENEW}` pins it)"
        return f"{what} {day}, since {why}"

    def _locked_sources(self, choice: SourceChoice) -> Iterator[Package]:
        locks = (self._settings.locks.get(suite) for suite in choice.suites)
        yield from (found for lock in locks if lock and (found := lock.source(choice.name)))

    def _source_candidates(
        self, choice: SourceChoice, problems: list[str]
    ) -> Iterator[tuple[VersionsFrom, Package]]:
        """Yield the upstream archives that serve: of the locks, then of today's indexes.

        The other way round with ``--latest``. An index is asked when it comes to that.
        """
        locked = [(VersionsFrom.LOCK, package) for package in self._locked_sources(choice)]
        if not self._settings.latest:
            yield from locked
        for suite in choice.suites:
            try:
                answer = self.ask(suite, (), (choice.name,))
            except UpstreamError as error:
                problems.append(str(error))
            else:
                yield VersionsFrom.INDEX, answer.sources[choice.name]
        if self._settings.latest:
            yield from locked

    # --- files ------------------------------------------------------------------------------

    def _files(
        self, what: str, packages: Sequence[Package], basis: VersionsFrom
    ) -> tuple[Path, ...]:
        missing = [package for package in packages if not self.is_cached(package)]
        if missing:
            size = sum(package.size for package in missing) / (1 << 20)
            count = f"{len(missing)} packages of " if len(missing) > 1 else ""
            self._announce(f"fetching {count}{what} ({size:.1f} MiB)")
        with ThreadPoolExecutor(_DOWNLOADS) as pool:
            results = tuple(pool.map(self._attempt, packages))
        failed = [(p, r) for p, r in zip(packages, results, strict=True) if not isinstance(r, Path)]
        if failed:
            raise UpstreamError(f"{what}: {explain(basis, failed)}")
        return tuple(result for result in results if isinstance(result, Path))

    def _attempt(self, package: Package) -> Path | DownloadError:
        try:
            return self.file(package)
        except DownloadError as error:
            return error


def cached_name(package: Package) -> str:
    """Return the file's name among the cache's ``KIND``."""
    return f"{package.sha256[:16]}-{package.filename}"


def explain(basis: VersionsFrom, failed: Sequence[tuple[Package, DownloadError]]) -> str:
    """Return which packages are named and not given, and how the mirrors say so."""
    (package, error), *others = failed
    index = f"the mirror's index of {package.day}"
    who = basis.value if basis is VersionsFrom.LOCK else index
    for_arch = "" if package.arch in ("all", "source") else f" for {package.arch}"
    more = f", and {len(others)} more package{'s'[: len(others) - 1]}" if others else ""
    if all(failure.missing for failure in error.failures) and error.failures:
        lacks = "no mirror has it" if basis is VersionsFrom.LOCK else "its pool has not"
    else:
        lacks = "which cannot be fetched"
    several = len(error.failures) > 1
    reasons = ", ".join(
        dict.fromkeys(
            f"{f.reason} at {host_of(f.address)}" if several else f.reason for f in error.failures
        )
    )
    return f"{who} names {package.title}{for_arch}, {lacks} ({reasons or 'no mirror known'}){more}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """What everything that is made here needs."""

    cache: Cache
    upstream: Upstream
    announce: Callable[[str], None]
    """Gets one line for everything that takes time."""
