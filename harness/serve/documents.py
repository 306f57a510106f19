"""The JSON values that the API answers with, and how they are made of runs. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from harness.core.cells import Expectation, Outcome
from harness.core.errors import HarnessError
from harness.core.observations import Observation
from harness.report.badge import Standing, standing_of
from harness.results.grid import GridCell, Verdict
from harness.store.history import CellResult
from harness.store.rows import RunInfo

_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLine:
    """A run in a list."""

    id: str
    started_at: str
    """UTC, ISO 8601."""
    label: str
    shard: str
    """``K/N``; empty for a whole run."""
    harness: str
    """Version of the harness."""
    cells: int
    """Number of planned cells."""
    exit_code: int | None
    """None if it is running or was killed."""
    live: bool
    """Whether it is being written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """Runs, newest first."""

    runs: tuple[RunLine, ...]
    next: str
    """Address of the next page; empty on the last one. It stays right while runs are added."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellLine:
    """A cell of a run in a list."""

    cell: str
    verdict: Verdict
    outcome: Outcome | None
    """None if it was not run."""
    cause: str
    evidence: str
    """Untrusted text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellPage:
    """The cells of a run that match a query, in the order of the run."""

    run: str
    total: int
    """Number of all that match."""
    cells: tuple[CellLine, ...]
    next: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CellHistory:
    """The results of a cell, newest first."""

    cell: str
    results: tuple[CellResult, ...]
    next: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CellDocument:
    """A cell of a run, and its results in other runs."""

    run: str
    cell: str
    verdict: Verdict
    expectation: Expectation | None
    observation: Observation | None
    history: tuple[CellResult, ...]
    """Newest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectStatus:
    """What one run says of a project."""

    project: str
    run: str
    started_at: str
    standing: Standing
    counts: dict[str, int]
    """Outcome → number of targets; ``not-run`` too."""
    unexpected: tuple[str, ...]
    """Ids of cells that are not as expected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """The body of every error."""

    detail: str


class NotFoundError(HarnessError):
    """There is no such run, project, target or cell."""


class RejectedError(HarnessError):
    """A request is refused; ``status`` is HTTP's."""

    def __init__(self, status: int, complaint: str) -> None:
        super().__init__(complaint)
        self.status = status


def as_json(value: object) -> str:
    """Return a dataclass as JSON."""
    kind = type(value)
    if kind not in _ADAPTERS:  # making one takes a millisecond
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind].dump_json(value).decode() + "\n"


def run_line(run: RunInfo, *, live: bool) -> RunLine:
    """Return the line of a run."""
    return RunLine(
        id=run.id, started_at=run.started_at, label=run.label, shard=run.shard,
        harness=run.harness, cells=run.cells, exit_code=run.exit_code, live=live,
    )  # fmt: skip


def cell_line(cell: GridCell) -> CellLine:
    """Return the line of a cell."""
    seen = cell.observation
    return CellLine(
        cell=cell.cell.id,
        verdict=cell.verdict,
        outcome=cell.outcome,
        cause=seen.cause if seen else "",
        evidence=seen.evidence if seen else "",
    )


def project_status(project: str, cells: Sequence[GridCell], run: RunInfo) -> ProjectStatus:
    """Return the status of a project from its cells in a run."""
    return ProjectStatus(
        project=project,
        run=run.id,
        started_at=run.started_at,
        standing=standing_of(cells),
        counts=dict(Counter(str(cell.outcome or "not-run") for cell in cells)),
        unexpected=_unexpected(cells),
    )


def _unexpected(cells: Iterable[GridCell]) -> tuple[str, ...]:
    wrong = (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS)
    return tuple(cell.cell.id for cell in cells if cell.verdict in wrong)
