"""Subjects: what is tested, where its wheel comes from, and what builds it."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.core.targets import Interpreter, Naming


@dataclass(frozen=True, kw_only=True, slots=True)
class FixtureSource:
    """The subject is a wheel of one of the fixture projects."""

    project: str
    """Folder name under ``fixtures/``."""
    builder: str
    """Id of a builder in ``matrix/builders.yaml``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexSource:
    """The subject is whichever wheel of a pinned release the target's installer would choose."""

    name: str
    """Normalised project name (PEP 503)."""
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSource:
    """The subject is a wheel file of the user's own, or the fitting one of several."""

    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The wheel under test, and how it proves itself."""

    id: str
    group: str
    """Heading under which the grid shows it."""
    source: FixtureSource | IndexSource | FileSource
    imports: tuple[str, ...]
    """Modules to import, in order."""
    call: str = ""
    """Python expression evaluated after the import; the wheel passes when it is true.

    The imported top-level modules are its names. Empty: importing is enough.
    """
    companions: tuple[IndexSource, ...] = ()
    """Wheels installed beside it first, without which it does not import."""


class BuilderKind(StrEnum):
    """Where a fixture wheel is compiled, and whose names and tags it gets."""

    CROSS = "cross"
    """By zig on the host, as the builder images of pypa name and tag it."""
    DISTRIBUTION = "distribution"
    """By zig on the host, as a target's own Python names and tags it."""
    CONTAINER = "container"
    """In a builder image, by its own compiler and Python."""


class ModuleName(StrEnum):
    """What an extension module may be called, where it is not as a naming says."""

    UPSTREAM = "upstream"
    """As upstream's CPython calls it on that libc."""
    BARE = "bare"
    """Plain ``.so``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Headers:
    """Where one Python's headers come from: a Debian suite, or an interpreter built here."""

    python: str
    """Minor version."""
    arches: tuple[str, ...]
    suite: str = ""
    """The suite whose dev package has them; empty where they are the interpreter's."""
    interpreter: Interpreter | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """What builds fixture wheels."""

    id: str
    kind: BuilderKind
    libc: str
    promises: dict[str, str] = field(default_factory=dict)
    """Per arch: the version of its libc that the platform tag promises, ``{"x86_64": "2.17"}``;
    none where the tag is ``linux_<arch>``."""
    headers: tuple[Headers, ...] = ()
    """What is compiled against; none where the image has its own."""
    names: tuple[ModuleName | Naming, ...] = (ModuleName.UPSTREAM,)
    """What a version-specific module is stored as: under each of these names."""
    image: str = ""
    """The builder image, ``{arch}`` for the arch: ``quay.io/pypa/manylinux2014_{arch}``."""
    digests: dict[str, str] = field(default_factory=dict)
    """Of the builder image, per arch where it is pinned: ``{"x86_64": "sha256:…"}``."""
    pythons: tuple[str, ...] = ()
    """Minor versions that are used of the image's."""
    requires: tuple[IndexSource, ...] = ()
    """What the fixture projects are built with there."""

    @property
    def builds(self) -> tuple[tuple[str, str], ...]:
        """Every pair of Python (minor version) and arch that it builds for, each once."""
        if self.kind is BuilderKind.CONTAINER:
            return tuple((python, arch) for python in self.pythons for arch in self.promises)
        pairs = ((row.python, arch) for row in self.headers for arch in row.arches)
        return tuple(dict.fromkeys(p for p in pairs if not self.promises or p[1] in self.promises))

    def headers_for(self, python: str, arch: str) -> Headers | None:
        """Return the first row that has them."""
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
    """The builder image that made it, with its digest; empty where it was made otherwise."""
