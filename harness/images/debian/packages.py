"""Values: a file of the distribution's pool, and a set of packages that is asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.host.cache import content_key

SOURCE = "source"
"""Stands for the arch of an upstream source archive."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Package:
    """One file of the pool: a binary package, or the upstream archive of a source package."""

    name: str
    version: str
    """Debian's, with its epoch: ``1:1.3.dfsg-1``."""
    arch: str
    """Debian's name, ``all``, or ``source``."""
    sha256: str
    size: int
    """Bytes."""
    path: str
    """Below the mirror: ``pool/main/z/zlib/…``."""
    vouched: str
    """``signed:DATE`` for the date of the signed index that named it, else ``seen:DATE``."""

    @property
    def filename(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"{self.name} {self.version}"

    @property
    def day(self) -> str:
        """The date of what vouches for it: ``2026-11-21``."""
        return self.vouched.partition(":")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageSet:
    """Binary packages that are taken together, so that they fit each other."""

    suite: str
    arches: tuple[str, ...]
    """Debian's names; the first is the one that apt calls native."""
    names: tuple[str, ...]
    """``python3``; ``libc6:armhf`` for one arch; ``libstdc++-*-dev:armhf`` for the oldest such."""
    depends: bool
    """With all that they depend on."""

    @property
    def id(self) -> str:
        """Stand for what is asked for, within a suite."""
        return content_key(*self.arches, "", *self.names, str(self.depends))[:10]

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"Debian {self.suite} for {' '.join(self.arches)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceChoice:
    """A source package and the suites whose release of it serves, the preferred one first."""

    name: str
    suites: tuple[str, ...]


def contents_key(packages: Iterable[Package]) -> str:
    """Return a key that stands for the bytes of packages."""
    return content_key(*sorted(package.sha256 for package in packages))
