"""Subjects: the wheels under test, their sources and their builders."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.core.own_tests import OwnTests
from harness.core.targets import Interpreter, Naming


@dataclass(frozen=True, kw_only=True, slots=True)
class FixtureSource:
    """The wheel of a fixture project."""

    project: str
    """Folder name under ``fixtures/``."""
    builder: str
    """Id of a builder in ``matrix/builders.yaml``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexSource:
    """The wheel of a pinned release that the target's installer would choose."""

    name: str
    """Normalised project name (PEP 503)."""
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSource:
    """A user's wheel file, or the one of several that fits the target."""

    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DependencyOptions:
    """How the dependencies of a subject are resolved."""

    locked: bool = False
    """Only to the releases that the lock names for the subject, if it names any."""
    files: tuple[str, ...] = ()
    """Paths of wheels that are offered besides those of the package index."""
    constraints: tuple[str, ...] = ()
    """Requirements that limit versions without asking for a project: ``numpy<2``."""
    extras: tuple[str, ...] = ()
    """Extras of the subject whose requirements are installed too, as normalised names."""
    lock: str = ""
    """Path of an application's lock, as ``wheels.locks.stored`` keeps it: nothing else is taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A wheel under test, and how it is tested."""

    id: str
    group: str
    """Heading in the grid."""
    source: FixtureSource | IndexSource | FileSource
    imports: tuple[str, ...]
    """Modules to import, in order."""
    call: str = ""
    """Python expression evaluated after the import; the wheel passes if it is true.

    It can name the imported top-level modules. Empty: the import is enough.
    """
    companions: tuple[IndexSource, ...] = ()
    """Wheels that it needs for its import; they are installed first."""
    dependencies: DependencyOptions | None = None
    """Install what its Requires-Dist asks for; None installs no more than ``companions``."""
    tests: OwnTests | None = None
    """The project's own tests, run after the import; None: none."""


class BuilderKind(StrEnum):
    """Where a fixture wheel is compiled, and whose module names and tags it gets."""

    CROSS = "cross"
    """By zig on the host, named and tagged as by pypa's builder images."""
    DISTRIBUTION = "distribution"
    """By zig on the host, named and tagged as by a target's own Python."""
    CONTAINER = "container"
    """In a builder image, by its compiler and Python."""


class ModuleName(StrEnum):
    """Names of extension modules beside those of a naming."""

    UPSTREAM = "upstream"
    """As upstream's CPython names it on that libc."""
    BARE = "bare"
    """Plain ``.so``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Headers:
    """The source of a Python's headers: a Debian suite, or an interpreter built here."""

    python: str
    """Minor version."""
    arches: tuple[str, ...]
    suite: str = ""
    """The suite whose dev package has them; empty if they are the interpreter's."""
    interpreter: Interpreter | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """A builder of fixture wheels."""

    id: str
    kind: BuilderKind
    libc: str
    promises: dict[str, str] = field(default_factory=dict)
    """Per arch: the libc version that the platform tag promises, ``{"x86_64": "2.17"}``; empty
    if the tag is ``linux_<arch>``."""
    headers: tuple[Headers, ...] = ()
    """The headers to compile against; empty for a builder image, which has its own."""
    names: tuple[ModuleName | Naming, ...] = (ModuleName.UPSTREAM,)
    """A version-specific module is stored under each of these names."""
    image: str = ""
    """The builder image, with ``{arch}`` for the arch: ``quay.io/pypa/manylinux2014_{arch}``."""
    digests: dict[str, str] = field(default_factory=dict)
    """Pinned digests of the builder image per arch: ``{"x86_64": "sha256:…"}``."""
    pythons: tuple[str, ...] = ()
    """The image's minor versions of Python that are used."""
    requires: tuple[IndexSource, ...] = ()
    """The build requirements of the fixture projects in the image."""

    @property
    def builds(self) -> tuple[tuple[str, str], ...]:
        """The pairs of Python (minor version) and arch that it builds for."""
        if self.kind is BuilderKind.CONTAINER:
            return tuple((python, arch) for python in self.pythons for arch in self.promises)
        pairs = ((row.python, arch) for row in self.headers for arch in row.arches)
        return tuple(dict.fromkeys(p for p in pairs if not self.promises or p[1] in self.promises))

    def headers_for(self, python: str, arch: str) -> Headers | None:
        """Return the first of ``headers`` that has them."""
        rows = (row for row in self.headers if row.python == python and arch in row.arches)
        return next(rows, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelRef:
    """A wheel file on the host."""

    filename: str
    sha256: str
    size: int
    path: str
    builder: str = ""
    """The builder image that built it, with its digest; empty for other wheels."""
