"""Values: a file of the distribution's pool, and a requested set of packages."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.host.cache import content_key

SOURCE = "source"
"""The ``arch`` of an upstream source archive."""
RELEASES = "upstream"
"""The suite whose lock names archives of CPython's own releases, which no index of Debian has."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Package:
    """A file of the pool: a binary package, or the upstream archive of a source package."""

    name: str
    version: str
    """Debian's version with its epoch: ``1:1.3.dfsg-1``."""
    arch: str
    """Debian's name, ``all``, or ``source``."""
    sha256: str
    size: int
    """Bytes; of a release the most that it may have."""
    path: str
    """Below the mirror: ``pool/main/z/zlib/…``. Of a release its whole address."""
    vouched: str
    """``signed:DATE`` with the date of the signed index that names it, else ``seen:DATE``;
    ``cited:DATE`` for a digest that was read elsewhere."""

    @property
    def filename(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def title(self) -> str:
        """Its name in messages."""
        return f"{self.name} {self.version}"

    @property
    def day(self) -> str:
        """The date in ``vouched``: ``2026-11-21``."""
        return self.vouched.partition(":")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageSet:
    """Binary packages that are resolved together, so that their versions fit."""

    suite: str
    arches: tuple[str, ...]
    """Debian's names; the first is apt's native arch."""
    names: tuple[str, ...]
    """``python3``, ``libc6:armhf``, or ``libstdc++-*-dev:armhf`` for the oldest match."""
    depends: bool
    """Include all dependencies."""

    @property
    def id(self) -> str:
        """Id of the request within a suite."""
        return content_key(*self.arches, "", *self.names, str(self.depends))[:10]

    @property
    def title(self) -> str:
        """Its name in messages."""
        return f"Debian {self.suite} for {' '.join(self.arches)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceChoice:
    """A source package and the suites to take it from, the preferred one first."""

    name: str
    suites: tuple[str, ...]


def contents_key(packages: Iterable[Package]) -> str:
    """Return a key of the digests of packages."""
    return content_key(*sorted(package.sha256 for package in packages))
