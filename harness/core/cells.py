"""Cells: a subject on a target, its expected outcome, and the matrix that holds them."""

from dataclasses import dataclass
from enum import StrEnum

from harness.core.machines import Machine
from harness.core.policy import Policy
from harness.core.subjects import Builder, Subject
from harness.core.targets import Naming, Suite, Target


class Outcome(StrEnum):
    """The outcome of a cell."""

    PASS = "pass"  # noqa: S105 - no password
    REFUSED = "refused"
    """The installer refuses the tag, as it should for a glibc wheel on musl."""
    INSTALL_FAILED = "install-failed"
    IMPORT_FAILED = "import-failed"
    CALL_FAILED = "call-failed"
    LOAD_FAILED = "load-failed"
    """A shared library that the package opens later cannot be loaded."""
    START_FAILED = "start-failed"
    """An executable of the wheel does not start."""
    TEST_FAILED = "test-failed"
    """The test command that the user gave did not succeed."""
    CRASHED = "crashed"
    """The wheel's code ended by a signal."""
    TIMEOUT = "timeout"
    MISS = "miss"
    """No result, because of the harness or the machine, never because of the wheel."""


class Stage(StrEnum):
    """The stage that decided a cell's outcome."""

    IMAGE = "image"
    WHEEL = "wheel"
    INSTALL = "install"
    IMPORT = "import"
    CALL = "call"
    LOAD = "load"
    START = "start"
    TEST = "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """A declared outcome other than a pass, with its reason and a link.

    It is for named subjects, or, without ``subject``, for every subject that is predicted to
    fail by ``cause``.
    """

    target: str
    """Glob over target ids; ``arch`` and ``subject`` are globs, too."""
    arch: str
    subject: str = ""
    """Empty: whichever subject is predicted to fail by ``cause``."""
    outcome: Outcome
    reason: str
    link: str
    cause: str = ""
    """The cause that must match too; empty: any."""
    where: str = ""
    """``file:line`` of the entry, for messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One subject on one target on one arch."""

    target: Target
    subject: Subject
    expectation: Expectation | None = None
    by_cause: tuple[Expectation, ...] = ()
    """Expectations without a subject: one applies if the prediction of the cell has its cause."""

    @property
    def id(self) -> str:
        """``<target>/<arch>[@<machine>]/<subject>``."""
        return f"{self.target.key}/{self.subject.id}"


DEFAULT_PROFILE = "default"
"""Name of the profile that an empty selection means."""
FULL_PROFILE = "full"
"""Name of the profile that ``pytest harness`` means."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """A named selection: globs over the three parts of a cell's id; empty means all."""

    name: str
    targets: tuple[str, ...] = ()
    """Over ``<target>`` or ``<target>/<arch>``; with ``@<machine>``, over those on machines."""
    arches: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    title: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """The content of ``matrix/*.yaml``, checked, with every override applied."""

    targets: tuple[Target, ...]
    subjects: tuple[Subject, ...]
    builders: tuple[Builder, ...]
    expectations: tuple[Expectation, ...]
    profiles: tuple[Profile, ...]
    namings: tuple[Naming, ...] = ()
    policies: tuple[Policy, ...] = ()
    suites: tuple[Suite, ...] = ()
    machines: tuple[Machine, ...] = ()
    excluded: frozenset[tuple[str, str]] = frozenset()
    """Pairs of target key and subject id that the matrix excludes."""

    def builder(self, builder_id: str) -> Builder:
        """Return the builder of that id, which the matrix must have."""
        return next(b for b in self.builders if b.id == builder_id)
