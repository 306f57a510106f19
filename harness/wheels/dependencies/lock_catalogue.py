"""A ``Catalogue`` of what a lock file locks for one target, and of nothing else."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import Version

from harness.wheels.dependencies.catalogue import MetadataReader
from harness.wheels.dependencies.offers import OfferedWheel
from harness.wheels.dependencies.requirements import UnusableRequirementError, parse_requirement
from harness.wheels.index.fetch import ListedProject, PackageIndex
from harness.wheels.locks.application import LockedDependency

_EXTRA = "extra"


class LockCatalogue:
    """The releases that a target needs, with the files that the lock file allows."""

    name = "the lock file"

    def __init__(
        self, needed: Iterable[LockedDependency], index: PackageIndex, reader: MetadataReader
    ) -> None:
        self._locked = {each.name: each for each in needed}
        self._index = index
        self._reader = reader

    def project(self, name: str) -> "LockedProject | None":
        locked = self._locked.get(name)
        listed = self._index.listed(name) if locked else None
        return LockedProject(locked=locked, listed=listed) if locked and listed else None

    def metadata(self, offered: OfferedWheel) -> tuple[str, tuple[str, ...]]:
        requires_python, requires = self._reader.of(offered)
        return requires_python, self.with_extras(requires)

    def with_extras(self, requires: Iterable[str]) -> tuple[str, ...]:
        """Return Requires-Dist lines with every extra whose project is locked.

        Lock files do not say for which extras they were made. What they lock is installed.
        """
        versions = {name: each.version for name, each in self._locked.items()}
        return tuple(_without_extra(line, versions) for line in requires)

    def expect(self, names: Collection[str]) -> None:
        """Prepare nothing; each project is looked up once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedProject:
    """An ``OfferedProject`` of one release."""

    locked: LockedDependency
    listed: ListedProject

    @property
    def versions(self) -> tuple[Version, ...]:
        return (Version(self.locked.version),)

    def wheels(self, version: Version) -> tuple[OfferedWheel, ...]:
        return tuple(
            OfferedWheel(wheel=wheel)
            for wheel in self.listed.wheels(version)
            if self.locked.allows(wheel.sha256)
        )

    def has_source(self, version: Version) -> bool:
        return any(self.locked.allows(sdist.sha256) for sdist in self.listed.sdists(version))


def _without_extra(line: str, versions: Mapping[str, str]) -> str:
    if _EXTRA not in line:
        return line
    try:
        requirement = parse_requirement(line)
    except UnusableRequirementError:  # its reader says so
        return line
    name = canonicalize_name(requirement.name)
    of_extra = requirement.marker is not None and _EXTRA in str(requirement.marker)
    return f"{name}=={versions[name]}" if of_extra and name in versions else line
