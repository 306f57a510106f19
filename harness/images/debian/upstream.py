"""Resolve package sets and sources by lock or signed index, and fetch their files.

The lock comes first, except for rolling suites and with ``--latest``, for which the signed index
comes first. If not all files of one are available, the other is used completely, with a note; the
two are never mixed.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from harness.core.errors import UpstreamError
from harness.core.targets import Suite
from harness.host.cache import Cache, file_sha256
from harness.host.download import Downloader, DownloadError
from harness.host.offline import is_offline
from harness.images.debian.apt_index import IndexAnswer, ask_index
from harness.images.debian.mirrors import Mirrors, find_mirrors
from harness.images.debian.package_lock import RENEW, SuiteLock
from harness.images.debian.packages import RELEASES, Package, PackageSet, SourceChoice
from harness.images.debian.resolutions import Resolutions
from harness.images.debian.unavailable import VersionsFrom, explain

DEBS = "debs"
"""Cache kind of the pool's files."""
_LARGEST_INDEX = 4 << 20
"""Maximum bytes of ``InRelease``; 0.2 MiB for sid."""
_ASK_SECONDS = 5.0
_DOWNLOADS = 4
"""Number of parallel downloads."""

T = TypeVar("T")


_PINNED = (VersionsFrom.LOCK, VersionsFrom.MEMORY, VersionsFrom.INDEX, VersionsFrom.STALE)
_ROLLING = (VersionsFrom.MEMORY, VersionsFrom.INDEX, VersionsFrom.LOCK, VersionsFrom.STALE)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedSet:
    """The resolved packages of a set."""

    packages: tuple[Package, ...]
    """Sorted."""
    note: str = ""
    """What replaces the preferred versions, and why; empty for the preferred ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The locks and suites of the matrix, and the mode of a run."""

    locks: Mapping[str, SuiteLock] = field(default_factory=dict)
    """By suite."""
    suites: Mapping[str, Suite] = field(default_factory=dict)
    """Suites with properties in the matrix."""
    latest: bool = False
    """Prefer today's index to the locks."""


class Upstream:
    """The distribution's packages. Failures are remembered and not tried again.

    Methods raise ``UpstreamError`` or ``CacheError``.
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
        # Separate, since a mirror without an index may still serve files.
        self._indexes = self._downloader.copy_without_failures()
        self._resolutions = Resolutions(cache.root / "resolutions")
        self._unusable: dict[tuple[PackageSet, VersionsFrom], UpstreamError] = {}
        self._offered: dict[SourceChoice, bool] = {}
        self._sources: dict[SourceChoice, tuple[Package, Path] | UpstreamError] = {}

    @cached_property
    def mirrors(self) -> Mirrors:
        """The mirrors, found at the first use."""
        return find_mirrors()

    def suite(self, name: str) -> Suite:
        """Return the suite with its properties in the matrix."""
        return self._settings.suites.get(name) or Suite(id=name)

    def recall(self, wanted: PackageSet) -> ResolvedSet | None:
        """Resolve a set without network access; None if that is not possible."""
        for basis in self._bases(wanted):
            if basis is VersionsFrom.INDEX or (wanted, basis) in self._unusable:
                continue
            if packages := self._named_by(basis, wanted):
                return ResolvedSet(packages=packages)
        return None

    def resolve(self, wanted: PackageSet) -> ResolvedSet:
        """Resolve a set. An index is queried once a day at most, and not for a locked set."""
        return self._first(wanted, lambda _basis, resolved: resolved)

    def fetch(self, wanted: PackageSet) -> tuple[ResolvedSet, tuple[Path, ...]]:
        """Resolve a set so that all files can be fetched; return them in the same order."""
        return self._first(
            wanted, lambda basis, it: (it, self._files(wanted.title, it.packages, basis))
        )

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
        """Return the upstream archive that is tried first if a lock names it, else None."""
        return None if self._settings.latest else next(self._locked_sources(choice), None)

    def has_source(self, choice: SourceChoice) -> bool:
        """Whether an archive that a lock names for the choice is in the cache."""
        return any(self.is_cached(package) for package in self._locked_sources(choice))

    def offers_source(self, choice: SourceChoice) -> bool:
        """Whether an archive that a lock names for the choice is in the cache or on a server.

        Servers are asked once, and for ``_ASK_SECONDS`` each.
        """
        if choice not in self._offered:
            asked = (a for p in self._locked_sources(choice) for a in self.mirrors.addresses(p))
            self._offered[choice] = self.has_source(choice) or any(
                self._downloader.exists(address, timeout=_ASK_SECONDS) for address in asked
            )
        return self._offered[choice]

    def ask(
        self, suite: str, sets: Sequence[PackageSet], sources: Sequence[str] = ()
    ) -> IndexAnswer:
        """Query today's signed index of a suite; ``sets`` must have the same arches."""
        what = " ".join(sets[0].arches) if sets else "sources"
        if is_offline():
            raise UpstreamError(
                f"only the index of Debian {suite} ({what}) names them, and --offline asks none"
            )
        self._announce(f"querying the index of Debian {suite} ({what})")
        return ask_index(self.suite(suite), self.mirrors, sets, sources, self._reach)

    def _reach(self, address: str) -> str:
        """Return why an index does not answer; empty if it does, or for apt to report."""
        with tempfile.TemporaryDirectory(prefix="index-") as folder:
            try:
                self._indexes.download((address,), Path(folder, "index"), size=_LARGEST_INDEX)
            except DownloadError as error:
                missing = all(failure.missing for failure in error.failures)
                return "" if missing else str(error)
        return ""

    def file(self, package: Package) -> Path:
        """Return the file of a package, downloaded unless it is in the cache.

        Raises ``DownloadError``, which is not remembered.
        """

        def download(path: Path) -> None:
            self._downloader.download(
                self.mirrors.addresses(package), path, size=package.size, sha256=package.sha256
            )

        return self._cache.get(DEBS, cached_name(package), download, sha256=package.sha256)

    def try_file(self, package: Package, path: Path) -> bool:
        """Write the file of a package to ``path`` without checking its digest.

        Return False if every mirror answers that it does not exist.
        """
        try:
            self._downloader.download(self.mirrors.addresses(package), path, size=package.size)
        except DownloadError as error:
            if not all(failure.missing for failure in error.failures):
                raise UpstreamError(f"{package.filename}: {error}") from error
            return False
        return True

    def is_cached(self, package: Package) -> bool:
        """Whether the cache has the file with the right digest."""
        path = self._cache.root / DEBS / cached_name(package)
        return path.is_file() and file_sha256(path) == package.sha256

    def _bases(self, wanted: PackageSet) -> tuple[VersionsFrom, ...]:
        follows = self._settings.latest or self.suite(wanted.suite).rolling
        return _ROLLING if follows else _PINNED

    def _first(self, wanted: PackageSet, use: Callable[[VersionsFrom, ResolvedSet], T]) -> T:
        """Return the first result of ``use`` that does not fail, in the order of ``_bases``."""
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
        """Return the packages that the basis names; None if it has none."""
        match basis:
            case VersionsFrom.LOCK:
                lock = self._settings.locks.get(wanted.suite)
                return lock.find(wanted) if lock else None
            case VersionsFrom.INDEX:
                packages = self.ask(wanted.suite, (wanted,)).sets[wanted]
                return self._resolutions.keep(wanted, packages).packages
            case VersionsFrom.MEMORY | VersionsFrom.STALE:
                known = self._resolutions.recall(wanted)
                valid = known is not None and known.is_valid(time.time())
                return known.packages if known and valid == (basis is VersionsFrom.MEMORY) else None

    def _note(
        self,
        wanted: PackageSet,
        basis: VersionsFrom,
        packages: tuple[Package, ...],
        failed: Sequence[UpstreamError],
    ) -> str:
        """Return a note if the basis is not the preferred one, with the reason; else empty."""
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
        """Yield the archives of the locks, then of today's indexes; reversed with ``--latest``.

        Indexes are queried lazily.
        """
        locked = [(VersionsFrom.LOCK, package) for package in self._locked_sources(choice)]
        if not self._settings.latest:
            yield from locked
        for suite in choice.suites:
            if suite == RELEASES:
                continue
            try:
                answer = self.ask(suite, (), (choice.name,))
            except UpstreamError as error:
                problems.append(str(error))
            else:
                yield VersionsFrom.INDEX, answer.sources[choice.name]
        if self._settings.latest:
            yield from locked

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
    """Return the file's name in the cache kind ``DEBS``."""
    return f"{package.sha256[:16]}-{package.filename}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """The cache, the distribution and the announcements, which everything that is built needs."""

    cache: Cache
    upstream: Upstream
    announce: Callable[[str], None]
    """Receives a line before each step that takes time."""
