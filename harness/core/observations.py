"""Observations: what was measured of a cell, on what it depends, what was predicted."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.core.cells import Outcome, Stage
from harness.core.subjects import WheelRef
from harness.core.targets import ImageWay
from harness.core.wheel_findings import WheelFinding


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRef:
    """A target image that is in the engine, ready to run."""

    id: str
    """Content address: ``sha256:…``."""
    way: ImageWay
    origin: str
    """What it came from: the reference pulled with its digest, or suite and recipe key."""


class AttemptMode(StrEnum):
    """How a cell was tried."""

    SESSION = "session"
    """Installed and imported by forks of warm processes."""
    NATIVE = "native"
    """The same, installed by the same pip on this machine's own arch."""
    UNPACKED = "unpacked"
    """In a new container and interpreter, unpacked without pip."""
    FRESH = "fresh"
    """In a new container, with new interpreters for pip and for the import."""

    @classmethod
    def _missing_(cls, value: object) -> "AttemptMode | None":
        return cls.NATIVE if value == "twin" else None  # its name in files up to schema 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try at a cell."""

    mode: AttemptMode
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
    findings: tuple[WheelFinding, ...] = ()
    """The wheel's defects, whatever the installer makes of them."""
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
