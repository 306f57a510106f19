"""Observations: the measured result of a cell, its provenance and its prediction."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.core.cells import Outcome, Stage
from harness.core.own_tests import SuiteResult
from harness.core.subjects import WheelRef
from harness.core.targets import ImageWay
from harness.core.wheel_findings import WheelFinding

CELL_SITE = "/tmp/cell/lib/python3/site-packages/"  # noqa: S108 - in a container
"""Where a cell's wheels are installed (``probe.agent.installer.site_of``)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRef:
    """A target image in the engine, ready to run."""

    id: str
    """Content address: ``sha256:…``."""
    way: ImageWay
    origin: str
    """Its source: the pulled reference with its digest, or suite and recipe key."""


class AttemptMode(StrEnum):
    """How a cell was tried."""

    SESSION = "session"
    """Installed and imported by forks of running processes."""
    NATIVE = "native"
    """As ``session``, but installed by the same pip on this machine's arch."""
    UNPACKED = "unpacked"
    """In a new container and interpreter, unpacked without pip."""
    FRESH = "fresh"
    """In a new container, with new interpreters for pip and for the import.

    ``--fresh`` is something else: it reuses no stored result.
    """
    OTHER_CPU = "other-cpu"
    """As ``unpacked``, with another CPU model of the emulator."""
    NATIVE_ARCH = "native-arch"
    """As ``unpacked``, on the same target of this machine's arch, with the wheel for that."""

    @classmethod
    def _missing_(cls, value: object) -> "AttemptMode | None":
        return cls.NATIVE if value == "twin" else None  # the value in files up to schema 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try at a cell."""

    mode: AttemptMode
    outcome: Outcome
    stage: Stage
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """The environment that a result depends on."""

    image: ImageRef | None = None
    passport_id: str = ""
    """Content address of the passport."""
    runtime: str = ""
    """OCI runtime that was chosen with ``--runtime``; empty for the engine's own."""
    qemu: str = ""
    """Version of the emulator; empty for the native arch."""
    qemu_cpu: str = ""
    """CPU model of the emulator; empty for its default."""
    page_size: int = 0
    """Bytes."""
    kernel: str = ""
    """Release of the kernel in the container."""
    engine: str = ""
    """Version of the container engine."""
    engine_at: str = ""
    """Address of a declared engine, ``ssh://builder@arm1``; empty for this machine's. It ran the
    cell natively if ``qemu`` is empty."""
    harness: str = ""
    """Version of this program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """A cell's outcome predicted from the wheel and the target's passport alone.

    A prediction explains an observation and never replaces it.
    """

    outcome: Outcome
    stage: Stage
    cause: str = ""
    """Machine-readable reason, ``suffix-mismatch``; empty for a pass."""
    file: str = ""
    """The decisive member of the wheel, ``psycopg_binary/_psycopg.cpython-39-….so``."""
    evidence: str = ""
    """The decisive fact. Holds names from the wheel: untrusted text."""
    explanation: str = ""
    """Whole sentences, fit for an issue: what the wheel holds and what the target looks for."""
    remedy: str = ""
    """A sentence that says what would make it pass; empty if unknown."""
    reference: str = ""
    """Link to the rule's source or to a related issue."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """The result of one cell."""

    cell: str
    outcome: Outcome
    stage: Stage
    cause: str = ""
    """Machine-readable reason: ``tag-refused``, ``memory-limit``, ``infra:pull``. It follows from
    what was seen, never from the prediction; empty if the message is not known."""
    evidence: str = ""
    """The key line: pip's message, the ImportError, the signal. Untrusted text."""
    log: str = ""
    """Tail of the output of wheel and installer. Untrusted text."""
    wheel: WheelRef | None = None
    companions: tuple[str, ...] = ()
    """File names of the wheels that were installed beside it: its dependencies."""
    findings: tuple[WheelFinding, ...] = ()
    """The wheel's defects, whatever the installer makes of them, and its submodules that do not
    import for a reason that is no failure of the wheel."""
    imports: tuple[str, ...] = ()
    """The modules that were to be imported, in order: given, or inferred from the wheel."""
    tests: SuiteResult | None = None
    """What the project's own tests reported; None if none ran, or without a JUnit report."""
    attempts: tuple[Attempt, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall-clock seconds: ``probe`` of all attempts, ``total`` with everything else."""
    measured_at: str = ""
    """UTC, ISO 8601."""
    cached: bool = False
    """Reused from an earlier run with the same key, at ``measured_at``."""
    measured_on: str = ""
    """Id of the cell that was probed instead, on another target with the same image."""
    key: str = ""
    """Key of everything that decides the result: a cell with the same key needs no probe.
    Empty if nothing was probed."""
    prediction: Prediction | None = None
    """None without a wheel or a passport."""
    provenance: Provenance = Provenance()
