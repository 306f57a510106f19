"""Renew the package locks from today's signed indexes.

A set that cannot be fetched completely stays as locked and is reported.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.errors import UpstreamError
from harness.host.download import DownloadError
from harness.images.debian.package_lock import SuiteLock, make_lock
from harness.images.debian.packages import RELEASES, Package, PackageSet, SourceChoice
from harness.images.debian.predecessors import find_predecessor, read_changelog
from harness.images.debian.unavailable import VersionsFrom, explain
from harness.images.debian.upstream import Upstream

_FIRST_ARCH = "amd64"
"""The arch that mirrors synchronise first."""


@dataclass(kw_only=True, slots=True)
class Renewal:
    """New locks by suite, and the reasons for each part that was not renewed."""

    locks: Mapping[str, SuiteLock] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def renew_locks(
    sets: Sequence[PackageSet],
    sources: Sequence[SourceChoice],
    before: Mapping[str, SuiteLock],
    upstream: Upstream,
    *,
    accept_seen: bool,
) -> Renewal:
    """Return the locks of ``sets`` and ``sources`` from today's signed indexes.

    With ``accept_seen`` a set with missing files gets their previous versions, which no signed
    index names any more. Every file is in the cache afterwards.
    """
    problems: list[str] = []
    taken: defaultdict[str, dict[PackageSet, tuple[Package, ...]]] = defaultdict(dict)
    archives: defaultdict[str, list[Package]] = defaultdict(list)
    renewer = _Renewer(
        before=before, upstream=upstream, accept_seen=accept_seen, report=problems.append
    )
    for group in _groups(sets):
        for wanted, packages in renewer.sets(group).items():
            taken[wanted.suite][wanted] = packages
    for suite, names in _by_suite(sources).items():
        archives[suite] += renewer.sources(suite, names)
    locks = {
        suite: make_lock(suite, taken[suite], archives[suite])
        for suite in sorted({*taken, *archives})
    }
    return Renewal(locks=locks, problems=tuple(problems))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Renewer:
    before: Mapping[str, SuiteLock]
    upstream: Upstream
    accept_seen: bool
    report: Callable[[str], None]

    def sets(self, group: Sequence[PackageSet]) -> dict[PackageSet, tuple[Package, ...]]:
        """Return the packages of sets of one suite and the same arches, if all can be fetched."""
        try:
            answer = self.upstream.ask(group[0].suite, group).sets
        except UpstreamError as error:
            self.report(str(error))
            answer = {}
        found = {}
        for wanted in group:
            packages = self._fetchable(wanted, answer[wanted]) if wanted in answer else None
            packages = packages or self._locked(wanted)
            if packages:
                found[wanted] = packages
        return found

    def sources(self, suite: str, names: Sequence[str]) -> list[Package]:
        """Return the upstream archives of a suite's source packages that can be fetched."""
        lock = self.before.get(suite)
        found = {name: kept for name in names if lock and (kept := lock.source(name))}
        if suite == RELEASES:
            return list(found.values())
        try:
            answer = self.upstream.ask(suite, (), names).sources
        except UpstreamError as error:
            self.report(str(error))
            answer = {}
        for name, package in answer.items():
            if missing := self._missing((package,)):
                unchanged = "; the lock keeps the old version" if name in found else ""
                self.report(
                    f"the source of {name}: {explain(VersionsFrom.INDEX, missing)}{unchanged}"
                )
            else:
                found[name] = package
        return list(found.values())

    def _fetchable(
        self, wanted: PackageSet, packages: tuple[Package, ...]
    ) -> tuple[Package, ...] | None:
        """Return the packages of a set if all can be fetched: the index's or previous ones."""
        missing = self._missing(packages)
        if not missing:
            return packages
        problem = f"{wanted.title}: {explain(VersionsFrom.INDEX, missing)}"
        if not self.accept_seen or self._locked(wanted):
            self.report(
                f"{problem}; the lock keeps the old version" if self._locked(wanted) else problem
            )
            return None
        try:
            before = self._previous(wanted.suite, [package for package, _ in missing])
        except UpstreamError as error:
            self.report(f"{problem}; {error}")
            return None
        whole = tuple(before.get(package, package) for package in packages)
        self.report(f"{problem}; previous versions are locked instead")
        return tuple(sorted(whole))

    def _missing(self, packages: Iterable[Package]) -> list[tuple[Package, DownloadError]]:
        missing = []
        for package in packages:
            try:
                self.upstream.file(package)
            except DownloadError as error:
                missing.append((package, error))
        return missing

    def _previous(self, suite: str, gone: Sequence[Package]) -> dict[Package, Package]:
        """Return the previous versions of files that the pool lacks.

        The changelogs of another arch's packages name the versions.
        """
        names = tuple(package.name for package in gone)
        wanted = PackageSet(suite=suite, arches=(_FIRST_ARCH,), names=names, depends=False)
        newer = {
            package.name: package for package in self.upstream.ask(suite, (wanted,)).sets[wanted]
        }
        if missing := self._missing(newer.values()):
            raise UpstreamError(explain(VersionsFrom.INDEX, missing))
        found = {}
        for package in gone:
            changelog = read_changelog(self.upstream.file(newer[package.name]))
            found[package] = find_predecessor(package, changelog, self.upstream.try_file)
        if missing := self._missing(found.values()):
            raise UpstreamError(explain(VersionsFrom.LOCK, missing))
        return found

    def _locked(self, wanted: PackageSet) -> tuple[Package, ...] | None:
        lock = self.before.get(wanted.suite)
        return lock.find(wanted) if lock else None


def _groups(sets: Sequence[PackageSet]) -> list[list[PackageSet]]:
    """Return the sets grouped by suite and arches, for one query of an index each."""
    groups: defaultdict[tuple[str, tuple[str, ...]], list[PackageSet]] = defaultdict(list)
    for wanted in sets:
        groups[wanted.suite, wanted.arches].append(wanted)
    return list(groups.values())


def _by_suite(sources: Sequence[SourceChoice]) -> dict[str, list[str]]:
    names: defaultdict[str, list[str]] = defaultdict(list)
    for choice in sources:
        for suite in choice.suites:
            names[suite].append(choice.name)
    return {suite: sorted(set(found)) for suite, found in sorted(names.items())}
