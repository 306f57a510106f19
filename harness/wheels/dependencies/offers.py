"""What an index and the user's files offer of a project (pure)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from packaging.version import Version

from harness.wheels.index.lock import LockedWheel


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedWheel:
    """A wheel of a release."""

    wheel: LockedWheel
    path: str = ""
    """Of the user's file; empty for a wheel of the index."""


class OfferedProject(Protocol):
    """The releases of a project."""

    @property
    def versions(self) -> tuple[Version, ...]:
        """Of its wheels and sdists, newest first."""

    def wheels(self, version: Version) -> tuple[OfferedWheel, ...]:
        """Return the wheels of a release for Linux."""

    def has_source(self, version: Version) -> bool:
        """Whether the release has an sdist."""


class Catalogue(Protocol):
    """Everything that can be installed. Its methods raise ``PackageIndexError``."""

    name: str
    """For messages: ``the package index``."""

    def project(self, name: str) -> OfferedProject | None:
        """Return a project, or None if there is none of that normalised name."""

    def metadata(self, offered: OfferedWheel) -> tuple[str, tuple[str, ...]]:
        """Return Requires-Python and the Requires-Dist lines of a wheel.

        Raises ``WheelError`` if they cannot be read.
        """

    def expect(self, names: Collection[str]) -> None:
        """Prepare for questions about these projects, in the background."""
