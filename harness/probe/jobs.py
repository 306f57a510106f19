"""Jobs for a session, and what it reports of them."""

from dataclasses import dataclass

from harness.core.cells import Outcome, Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What to do for one cell."""

    wheels: tuple[tuple[str, bytes], ...]
    """File name and bytes; the subject is the last one, its companions stand before it."""
    imports: tuple[str, ...]
    call: str
    timeout: float
    """Seconds of wall clock for each of install and import-with-call."""
    quiet: float
    """Seconds without output after which a stage counts as hung."""
    site: bytes = b""
    """The subject as ``Session.install`` gave it on another arch: then nothing is installed."""
    beside: bytes = b""
    """The companions' files, as ``install_layout.companion_archive`` gives them; if empty,
    the installer installs the companions."""
    bytecode: bytes = b""
    """Bytecode of the same wheels, as ``Session.compile`` gave it on another arch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """What the agent saw of one cell."""

    outcome: Outcome
    stage: Stage
    cause: str
    evidence: str
    log: str
    seconds: float
