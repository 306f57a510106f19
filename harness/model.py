"""The values that everything else takes and returns: targets, subjects, cells, what was observed.

All frozen, all plain data: every value here survives a round trip through JSON
(``pydantic.TypeAdapter`` reads them back), which is how ``run.json`` is written.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.arches import Arch, find_arch


class ImageWay(StrEnum):
    """Where a target image comes from; every result says which."""

    REGISTRY = "registry"
    ASSEMBLED = "assembled"
    REPLICA = "replica"


class Outcome(StrEnum):
    """What was seen of a cell."""

    PASS = "pass"  # noqa: S105 - no password
    REFUSED = "refused"
    """The installer refuses the tag: for a glibc wheel on musl that is right."""
    INSTALL_FAILED = "install-failed"
    IMPORT_FAILED = "import-failed"
    CALL_FAILED = "call-failed"
    CRASHED = "crashed"
    """A signal that the wheel brought upon itself."""
    TIMEOUT = "timeout"
    MISS = "miss"
    """Nothing can be said: the harness's or the machine's fault, never the wheel's."""


class Stage(StrEnum):
    """How far a cell came: the stage that decided its outcome."""

    IMAGE = "image"
    WHEEL = "wheel"
    INSTALL = "install"
    IMPORT = "import"
    CALL = "call"


# --- the matrix -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryWay:
    """A real image, pulled, then prepared once."""

    image: str
    """As ``docker pull`` takes it: ``debian:12``, optionally with ``@sha256:…``."""
    prepare: tuple[str, ...] = ()
    """Shell commands run once, in order, as root and with network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AssembledWay:
    """A Debian root file system put together from the distribution's binary packages."""

    suite: str
    packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """What is known of a release of the distribution."""

    id: str
    closed: bool = False
    """Nothing is added any more: its index is as good after its date."""
    rolling: bool = False
    """It changes every day: the index of the day comes before the lock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A CPython that replicas are made of, built from the distribution's source package."""

    id: str
    python: str
    """Minor version: ``3.9``."""
    suite: str
    """The Debian release whose source package it is: ``bullseye``."""
    source: str
    """Name of the source package: ``python3.9``."""
    other_suites: tuple[str, ...] = ()
    """Those whose source package serves as well, the preferred one first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """How an interpreter names extension modules: triplets per arch, none where there is none."""

    id: str
    builds: dict[str, str]
    """The triplet of SOABI, EXT_SUFFIX and MULTIARCH: ``{"ppc64le": "ppc64le-linux-gnu"}``."""
    second: dict[str, str] = field(default_factory=dict)
    """A triplet that is read too, right after its own, by the table compiled into
    ``dynload_shlib.c``: Alpine's ``gnu-fallback-soabi.patch``."""
    last: dict[str, str] = field(default_factory=dict)
    """A triplet that is read too, after plain ``.so``, by importlib and not by the table:
    Fedora's patch 353."""


class ReplicaField(StrEnum):
    """What is recorded of an environment, and held against the passport of its replica."""

    PYTHON = "python"
    SOABI = "soabi"
    EXT_SUFFIX = "ext_suffix"
    MULTIARCH = "multiarch"
    EXT_SUFFIXES = "ext_suffixes"
    LIBC = "libc"
    LIBC_VERSION = "libc_version"
    PIP = "pip"
    PIP_ACCEPTS = "pip_accepts"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplicaWay:
    """The interpreter rebuilt from CPython's source, on a base of real Debian packages."""

    interpreter: Interpreter
    naming: Naming
    suite: str
    """The Debian release whose libc is the base."""
    pip: str
    """Version of pip, from the package index."""
    replicates: str
    """Name of the environment in the recorded facts."""
    differs: dict[ReplicaField, str] = field(default_factory=dict)
    """Per field of the facts that is not as there: the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One environment that wheels are probed in: an image and its interpreter, on one arch."""

    id: str
    arch_name: str
    title: str
    python: str
    """Minor version of its interpreter: ``3.11``."""
    libc: str
    """``glibc`` or ``musl``."""
    interpreter: str
    """The command that starts it in the image: ``python3``."""
    registry: RegistryWay | None = None
    assembled: AssembledWay | None = None
    replica: ReplicaWay | None = None
    allow_failure: bool = False
    """An unexpected outcome here is shown and does not fail the run."""

    @property
    def key(self) -> str:
        """``<target>/<arch>``: the unit of scheduling, one image and one session."""
        return f"{self.id}/{self.arch_name}"

    @property
    def arch(self) -> Arch:
        return find_arch(self.arch_name)

    @property
    def pythons(self) -> tuple[str, ...]:
        """Its minor version of Python, then that of a replica in which another stands in."""
        replica = (self.replica.interpreter.python,) if self.replica else ()
        return tuple(dict.fromkeys((self.python, *replica)))


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
class Expectation:
    """A declared outcome other than a pass, with its reason and a link to the story."""

    target: str
    """Glob over target ids; likewise ``arch`` and ``subject``."""
    arch: str
    subject: str
    outcome: Outcome
    reason: str
    link: str
    cause: str = ""
    """The cause that must be seen too; empty: any."""
    where: str = ""
    """``file:line`` of the entry, for messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One subject on one target on one arch."""

    target: Target
    subject: Subject
    expectation: Expectation | None = None

    @property
    def id(self) -> str:
        """``<target>/<arch>/<subject>``."""
        return f"{self.target.key}/{self.subject.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """A named selection: globs over the three parts of a cell's id; empty means all."""

    name: str
    targets: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    title: str = ""


class NewNames(StrEnum):
    """What builders call modules once a policy holds."""

    STABLE_TRIPLET = "stable-triplet"
    """``.abi3-<triplet>.so`` for ``.abi3.so``, as CPython 3.15 does."""
    MUSL = "musl"
    """musl's triplet in wheels for musl, as CPython 3.11 does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A change that a distribution or CPython made, or was asked to make."""

    id: str
    title: str
    link: str
    targets: tuple[str, ...]
    """Globs over the ids of the targets whose interpreter changes."""
    arches: tuple[str, ...] = ()
    naming: Naming | None = None
    """How these interpreters name modules afterwards; None: as before."""
    reads: tuple[str, ...] = ()
    """Endings that they read too, after ``.abi3.so``: ``.abi3-{gnu}.so``."""
    builds: NewNames | None = None
    verified_on: dict[str, str] = field(default_factory=dict)
    """Target ids to those of targets that are as they would be afterwards."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """All of ``matrix/*.yaml``, checked and with every override applied."""

    targets: tuple[Target, ...]
    subjects: tuple[Subject, ...]
    builders: tuple[Builder, ...]
    expectations: tuple[Expectation, ...]
    profiles: tuple[Profile, ...]
    namings: tuple[Naming, ...] = ()
    policies: tuple[Policy, ...] = ()
    suites: tuple[Suite, ...] = ()
    excluded: frozenset[tuple[str, str]] = frozenset()
    """Pairs of target key and subject id that the matrix leaves out."""

    def builder(self, builder_id: str) -> Builder:
        return next(b for b in self.builders if b.id == builder_id)


# --- what is measured -----------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRef:
    """A target image that is in the engine, ready to run."""

    id: str
    """Content address: ``sha256:…``."""
    way: ImageWay
    origin: str
    """What it came from: the reference pulled with its digest, or suite and recipe key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelRef:
    """A wheel file on the host."""

    filename: str
    sha256: str
    size: int
    path: str
    builder: str = ""
    """The builder image that made it, with its digest; empty where it was made otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try at a cell."""

    mode: str
    """``session`` (forked from a warm interpreter), ``twin`` (the same, installed by the same pip
    on this machine's own arch), ``unpacked`` (new container and interpreter,
    without pip) or ``fresh`` (new container, interpreters for pip and for the import)."""
    outcome: Outcome
    stage: Stage
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """What a result depends on."""

    image: ImageRef | None = None
    passport_id: str = ""
    """Content address of the passport."""
    qemu: str = ""
    """Version of the emulator; empty where the arch is native."""
    qemu_cpu: str = ""
    page_size: int = 0
    kernel: str = ""
    engine: str = ""
    harness: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a wheel's bytes and a target's passport alone say of a cell.

    It explains an observation and never replaces it.
    """

    outcome: Outcome
    stage: Stage
    cause: str = ""
    """Machine-readable reason, ``suffix-mismatch``; empty for a pass."""
    file: str = ""
    """The member of the wheel that decides, ``psycopg_binary/_psycopg.cpython-39-….so``."""
    evidence: str = ""
    """The one fact that decides it. Holds names out of the wheel: untrusted text."""
    explanation: str = ""
    """Whole sentences, fit for an issue: what the wheel holds, what the target looks for."""
    remedy: str = ""
    """What would turn it into a pass, in a sentence; empty where nothing is known."""
    reference: str = ""
    """Link to the rule's source or to the issue that tells the story."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What was seen of one cell."""

    cell: str
    outcome: Outcome
    stage: Stage
    cause: str = ""
    """Machine-readable reason where the observation itself proves it: ``tag-refused``,
    ``memory-limit``, ``infra:pull``."""
    evidence: str = ""
    """The key line: pip's message, the ImportError, the signal. Untrusted text."""
    log: str = ""
    """Tail of what the wheel and the installer printed. Untrusted text."""
    wheel: WheelRef | None = None
    attempts: tuple[Attempt, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall-clock seconds per phase: ``image``, ``wheel``, ``probe``."""
    measured_at: str = ""
    """UTC, ISO 8601."""
    cached: bool = False
    """Not probed in this run: ``measured_at`` says when it was, with everything the same."""
    measured_on: str = ""
    """Id of the cell that was probed for it: of another target that has the same image."""
    key: str = ""
    """Stands for all that decides the result: a cell of the same key needs no probe.
    Empty where nothing was probed."""
    prediction: Prediction | None = None
    """What wheel and passport say of it; None where there was no wheel or no passport."""
    provenance: Provenance = Provenance()
