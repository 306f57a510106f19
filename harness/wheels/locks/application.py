"""What a lock file locks, and what of it a target needs (pure)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import SpecifierSet

from harness.core.subjects import IndexSource


class SourceUse(StrEnum):
    """Which files of a release the lock file allows (pip's ``--only-binary``, ``--no-binary``)."""

    ANY = "any"
    NO_SDIST = "wheels only"
    NO_WHEEL = "sdist only"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedDependency:
    """A release that an application installs."""

    name: str
    """Normalised project name (PEP 503)."""
    version: str
    """Normalised version (PEP 440)."""
    extras: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    """It is needed if one of them holds; empty: always."""
    sha256: frozenset[str] = frozenset()
    """Digests of the files that may be installed; empty: all files of the release."""
    use: SourceUse = SourceUse.ANY

    @property
    def title(self) -> str:
        """``numpy 2.4.6``, for tables and messages."""
        return f"{self.name} {self.version}"

    @property
    def source(self) -> IndexSource:
        """The release on the package index."""
        return IndexSource(name=self.name, version=self.version)

    def allows(self, sha256: str) -> bool:
        """Whether the lock file allows the file of that digest."""
        return not self.sha256 or sha256 in self.sha256


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedApplication:
    """The dependencies of a lock file."""

    path: str
    """As the user names the file."""
    dependencies: tuple[LockedDependency, ...]
    """In the file's order, each release once."""
    left_out: tuple[str, ...] = ()
    """What is no release of the package index, a line each with the reason."""
    notes: tuple[str, ...] = ()
    """What the file says and this program does not follow, a line each."""
    requires_python: str = ""
    """A version specifier; empty for any."""
    environments: tuple[str, ...] = ()
    """The file is for targets where one of them holds; empty: for all."""
    groups: frozenset[str] = frozenset()
    """The dependency groups that are installed by default (pylock.toml, ``default-groups``)."""

    def refusal(self, environment: Mapping[str, str]) -> str:
        """Return why the whole file is not for a target; empty if it is."""
        python = environment["python_full_version"]
        if self.requires_python and not SpecifierSet(self.requires_python).contains(
            python, prereleases=True
        ):
            return f"the lock file is for Python {self.requires_python}; this is {python}"
        if self.environments and not _any_holds(self.environments, environment, frozenset()):
            return "the lock file is for other environments"
        return ""

    def needs(self, dependency: LockedDependency, environment: Mapping[str, str]) -> bool:
        """Whether a target installs the dependency. ``environment``: see ``marker_environment``."""
        return not dependency.markers or _any_holds(dependency.markers, environment, self.groups)

    def find(self, release: IndexSource) -> LockedDependency:
        """Return the locked dependency of a release, or one that allows all of its files."""
        plain = LockedDependency(name=release.name, version=release.version)
        return next((each for each in self.dependencies if each.source == release), plain)


def wheels_only(application: LockedApplication) -> LockedApplication:
    """Return the application as pip installs it with ``--only-binary :all:``."""
    dependencies = tuple(
        replace(dependency, use=SourceUse.NO_SDIST) for dependency in application.dependencies
    )
    return replace(application, dependencies=dependencies)


def merge_dependencies(dependencies: Iterable[LockedDependency]) -> tuple[LockedDependency, ...]:
    """Return each release once, needed where any of its lines is needed."""
    merged: dict[tuple[str, str], LockedDependency] = {}
    for dependency in dependencies:
        key = (dependency.name, dependency.version)
        before = merged.get(key, dependency)
        always = not (before.markers and dependency.markers)
        merged[key] = LockedDependency(
            name=dependency.name,
            version=dependency.version,
            extras=tuple(sorted({*before.extras, *dependency.extras})),
            markers=() if always else tuple(dict.fromkeys((*before.markers, *dependency.markers))),
            sha256=before.sha256 | dependency.sha256,
            use=dependency.use,
        )
    return tuple(merged.values())


def _any_holds(
    markers: Iterable[str], environment: Mapping[str, str], groups: frozenset[str]
) -> bool:
    return any(_holds(marker, environment, groups) for marker in markers)


def _holds(marker: str, environment: Mapping[str, str], groups: frozenset[str]) -> bool:
    """Evaluate a marker without extras; one that has no value holds, as nobody can say more."""
    known: dict[str, str | frozenset[str]] = {**environment}
    known |= {"extras": frozenset[str](), "dependency_groups": groups, "extra": ""}
    try:
        return _parsed(marker).evaluate(known, context="lock_file")
    except (UndefinedComparison, UndefinedEnvironmentName, ValueError, RecursionError):
        return True


@lru_cache(maxsize=1 << 12)
def _parsed(marker: str) -> Marker:
    return Marker(marker)
