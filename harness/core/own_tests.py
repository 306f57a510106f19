"""A project's own tests: what is run after the import, and what its JUnit report said."""

from dataclasses import dataclass
from enum import StrEnum

TEST_SECONDS = 900.0
"""Time limit of a test command, unless another one is given."""
MOST_SECONDS = 7 * 86_400
"""The longest time limit that can be given, of tests or of a stage: a week."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnTests:
    """A test command, and what it needs besides the wheel."""

    command: tuple[str, ...]
    """Its words; no shell reads them."""
    requires: tuple[str, ...] = ()
    """Requirements that are installed for the tests alone: ``pytest>=8``."""
    archive: str = ""
    """Path of a zip with the files that are sent, named by its content; empty: none."""
    sha256: str = ""
    """Of the archive."""
    timeout: float = TEST_SECONDS
    """Wall-clock seconds."""


class CaseStatus(StrEnum):
    """How a test case ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    """Skipped, or failed as the suite expects."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult:
    """One test case of a report. Every text is untrusted."""

    name: str
    classname: str = ""
    status: CaseStatus
    seconds: float = 0.0
    message: str = ""
    """Why it did not pass; the beginning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteResult:
    """What the runner's JUnit report said."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    cases: tuple[CaseResult, ...] = ()
    """Those that did not pass, then the others, as far as they are kept."""
    unread: str = ""
    """Why the rest of the report was not read; empty if all of it was."""

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.errors + self.skipped

    def __str__(self) -> str:
        """Return the counts, as pytest says them."""
        counts = {
            "failed": self.failed,
            "errors": self.errors,
            "passed": self.passed,
            "skipped": self.skipped,
        }
        return ", ".join(f"{n} {word}" for word, n in counts.items() if n) or "no tests"
