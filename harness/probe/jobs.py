"""Jobs of a session and their results."""

from dataclasses import dataclass

from harness.core.cells import Outcome, Stage
from harness.core.wheel_findings import WheelFinding
from harness.predict.late_plan import NOTHING_LATE, LatePlan
from harness.probe.answers import Fault


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The wheels of one cell, its imports and its limits."""

    wheels: tuple[tuple[str, bytes], ...]
    """File names and bytes: the companions, then the subject."""
    imports: tuple[str, ...]
    call: str
    timeout: float
    """Wall-clock seconds for the installation, and again for import and call."""
    quiet: float
    """Seconds without output until a stage counts as hung."""
    site: bytes = b""
    """The result of ``Session.install`` on another arch; then nothing is installed here."""
    beside: bytes = b""
    """The companions' files from ``install_layout.companion_archive``; if empty, the installer
    installs the companions."""
    submodules: tuple[str, ...] = ()
    """Modules to import after ``imports``; what fails is reported beside the outcome."""
    trace: bool = False
    """Whether an instruction that the CPU lacks is reported, if no new interpreter is started."""
    bytecode: bytes = b""
    """Bytecode of the same wheels from ``Session.compile`` on another arch."""
    late: LatePlan = NOTHING_LATE
    """What to open, to resolve and to start once all is imported."""
    late_seconds: tuple[int, int] = (20, 5)
    """Seconds in which one library or entry point is loaded, and one program started."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """The agent's result of one cell."""

    outcome: Outcome
    stage: Stage
    cause: str
    evidence: str
    log: str
    seconds: float
    failures: tuple[tuple[str, str], ...] = ()
    """Submodules that were not imported, each with what was raised; untrusted text."""
    tried: int | None = None
    """Number of submodules whose import was tried; None if it did not come to that."""
    loads: tuple[tuple[str, str], ...] = ()
    """Installed paths of libraries that do not load, each with the error; untrusted text, like
    ``entries`` and ``starts``."""
    entries: tuple[tuple[str, str], ...] = ()
    """Entry points that cannot be resolved."""
    starts: tuple[tuple[str, str], ...] = ()
    """Installed paths of programs that do not start."""
    late_untried: int = 0
    """Number of libraries, entry points and programs for which no time was left."""
    late_findings: tuple[WheelFinding, ...] = ()
    """What of these is no failure of the wheel (``late_failures``)."""
    gil: str = ""
    """The import that switched the GIL of a free-threaded interpreter on; untrusted text."""
    unimportable: tuple[tuple[str, str], ...] = ()
    """Those of ``failures`` that are findings (``module_failures``)."""
    fault: Fault | None = None
    """The instruction that the CPU lacks, of a cell with ``Job.trace``."""
    untried: int = 0
    """Number of submodules for which no time was left."""
