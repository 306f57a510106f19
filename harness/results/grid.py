"""Judge observed cells: a verdict says whether an observation is what the matrix expects. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.core.causes import Cause, same_reason
from harness.core.cells import Cell, Expectation, Outcome, Stage
from harness.core.errors import ExitCode
from harness.core.machines import machine_of
from harness.core.observations import Observation
from harness.core.subjects import FixtureSource, Subject
from harness.core.targets import Target
from harness.core.wheel_findings import WheelFinding
from harness.predict.limits import PredictionLimit, limit_of


class Verdict(StrEnum):
    """Whether a cell's result is what the matrix expects."""

    AS_EXPECTED = "as-expected"
    UNEXPECTED = "unexpected"
    UNEXPECTED_PASS = "unexpected-pass"  # noqa: S105 - a verdict, not a password
    """It passed although an expectation says otherwise: the expectation is out of date."""
    MISS = "miss"
    NOT_RUN = "not-run"
    """The run ended before this cell."""


class Agreement(StrEnum):
    """Whether the prediction of a cell matches the observation."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    LIMIT = "limit"
    """They differ for a reason that predictions cannot know."""
    UNKNOWN = "unknown"
    """There is no prediction or no observation."""


_OPENS_LIBRARY = (
    {Outcome.LOAD_FAILED, Outcome.IMPORT_FAILED},
    {Outcome.LOAD_FAILED, Outcome.CRASHED},
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GridCell:
    """A cell, its observation and its verdict."""

    cell: Cell
    verdict: Verdict
    observation: Observation | None = None
    missed: tuple[MissedCanary, ...] = ()
    """The canaries that its column missed: if any, it is not believed."""

    @property
    def outcome(self) -> Outcome | None:
        return self.observation.outcome if self.observation else None

    @property
    def agreement(self) -> Agreement:
        seen = self.observation
        if seen is None or seen.prediction is None or seen.outcome is Outcome.MISS:
            return Agreement.UNKNOWN
        if seen.stage is Stage.TEST:  # which no prediction knows; the import passes before it
            return self._agrees(seen.prediction.outcome is Outcome.PASS)
        outcomes = {seen.prediction.outcome, seen.outcome}
        # Whether it opens a library when it is imported, or later, is in a package's code.
        alike = len(outcomes) == 1 or (seen.cause != "" and outcomes in _OPENS_LIBRARY)
        return self._agrees(alike and same_reason(seen.cause, seen.prediction.cause))

    def _agrees(self, alike: bool) -> Agreement:
        if alike:
            return Agreement.AGREES
        return Agreement.LIMIT if self.limit else Agreement.DISAGREES

    @property
    def limit(self) -> PredictionLimit | None:
        seen = self.observation
        return limit_of(seen, self.cell.subject.imports) if seen else None

    @property
    def affects_exit_code(self) -> bool:
        """Whether it is not as expected, or missing, on a target that may not fail."""
        return self.verdict is not Verdict.AS_EXPECTED and not self.cell.target.allow_failure


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """All cells of a run, in the order of the plan."""

    cells: tuple[GridCell, ...]
    canaries: tuple[CanaryCheck, ...] = ()
    """What the canaries say of each checked column."""

    @property
    def missed_canaries(self) -> dict[str, tuple[MissedCanary, ...]]:
        """The canaries that were missed, by target key: these columns are not believed."""
        return {check.target: check.missed for check in self.canaries if check.missed}

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple({c.cell.target.key: c.cell.target for c in self.cells}.values())

    @property
    def subjects(self) -> tuple[Subject, ...]:
        return tuple({c.cell.subject.id: c.cell.subject for c in self.cells}.values())

    @property
    def findings(self) -> dict[str, tuple[WheelFinding, ...]]:
        """The findings about wheels, by file name: of all cells, each once."""
        found: dict[str, dict[WheelFinding, None]] = {}
        for seen in (c.observation for c in self.cells):
            if seen and seen.wheel and seen.findings:
                found.setdefault(seen.wheel.filename, {}).update(dict.fromkeys(seen.findings))
        return {name: tuple(findings) for name, findings in found.items()}

    @property
    def disagreements(self) -> tuple[GridCell, ...]:
        """The cells whose prediction differs from the observation for no known reason.

        Without those of columns that missed a canary.
        """
        doubted = self.missed_canaries
        wrong = (c for c in self.cells if c.agreement is Agreement.DISAGREES)
        return tuple(c for c in wrong if c.cell.target.key not in doubted)

    @property
    def tested_nowhere(self) -> bool:
        """Whether tests were to run, and what they require could be installed for no cell."""
        seen = (c.observation for c in self.cells)
        at_tests = [each.outcome for each in seen if each and each.stage is Stage.TEST]
        return bool(at_tests) and all(outcome is Outcome.REFUSED for outcome in at_tests)


def judge(cell: Cell, observation: Observation | None) -> Verdict:
    """Return whether ``observation`` is what the matrix expects of ``cell``."""
    if observation is None:
        return Verdict.NOT_RUN
    if observation.outcome is Outcome.MISS:
        return Verdict.MISS
    if expectation := expectation_for(cell, observation):
        return _against(expectation, observation)
    right = observation.outcome is Outcome.PASS or _may_be_refused(cell, observation)
    return Verdict.AS_EXPECTED if right else Verdict.UNEXPECTED


def expectation_for(cell: Cell, observation: Observation | None) -> Expectation | None:
    """Return the expectation that applies: the named one, or that of what is predicted."""
    if cell.expectation or observation is None or observation.prediction is None:
        return cell.expectation
    predicted = observation.prediction.outcome, observation.prediction.cause
    return next((e for e in cell.by_cause if (e.outcome, e.cause) == predicted), None)


def unmet_expectations(cells: Sequence[Cell], grid: Grid) -> tuple[Expectation, ...]:
    """Return the expectations by cause that apply to no cell.

    ``cells`` are all cells of the matrix. An expectation is left out if ``grid`` lacks the result
    of a cell that it might apply to.
    """
    seen = {c.cell.id: c for c in grid.cells if c.verdict not in (Verdict.MISS, Verdict.NOT_RUN)}
    candidates: dict[Expectation, list[Cell]] = {}
    for cell in cells:
        if machine_of(cell.target) and cell.id not in seen:
            continue  # a run that asks for no machine has none of them
        for expectation in cell.by_cause:
            candidates.setdefault(expectation, []).append(cell)
    return tuple(
        expectation
        for expectation, possible in candidates.items()
        if all(c.id in seen and seen[c.id].cell.expectation != expectation for c in possible)
    )


def build_grid(
    cells: Sequence[Cell],
    observations: Iterable[Observation],
    canaries: tuple[CanaryCheck, ...] = (),
) -> Grid:
    """Return the grid of the planned cells with the last observation of each.

    Each cell has the expectation that applies to it.
    """
    seen = {observation.cell: observation for observation in observations}
    judged = (_judged(cell, seen.get(cell.id)) for cell in cells)
    return marked_grid(judged, canaries)


def marked_grid(cells: Iterable[GridCell], canaries: tuple[CanaryCheck, ...]) -> Grid:
    """Return a grid whose cells have the canaries that their columns missed."""
    missed = {check.target: check.missed for check in canaries if check.missed}
    if missed:
        cells = (replace(c, missed=missed.get(c.cell.target.key, ())) for c in cells)
    return Grid(cells=tuple(cells), canaries=canaries)


def exit_code(grid: Grid, *, interrupted: bool = False) -> ExitCode:
    """Return the exit code of a run with this grid.

    Targets that may fail are ignored. An unexpected result outweighs a miss; a cell that was not
    run counts as a miss, and so does every cell of a column that missed a canary. Tests that could
    run nowhere say nothing either.
    """
    if interrupted:
        return ExitCode.INTERRUPTED
    doubted = grid.missed_canaries
    believed = [cell for cell in grid.cells if cell.cell.target.key not in doubted]
    deciding = [cell for cell in believed if cell.affects_exit_code]
    if any(c.verdict in (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS) for c in deciding):
        return ExitCode.UNEXPECTED
    if any(c.observation and c.observation.cause == Cause.BUILD for c in deciding):
        return ExitCode.BUILD_FAILED
    lost = any(t.key in doubted and not t.allow_failure for t in grid.targets)
    nothing = deciding or lost or grid.tested_nowhere
    return ExitCode.NOTHING_CAN_BE_SAID if nothing else ExitCode.AS_EXPECTED


def _judged(cell: Cell, observation: Observation | None) -> GridCell:
    verdict = judge(cell, observation)
    applies = replace(cell, expectation=expectation_for(cell, observation), by_cause=())
    return GridCell(cell=applies, observation=observation, verdict=verdict)


def _against(expectation: Expectation, observation: Observation) -> Verdict:
    seen, wanted = observation.cause, expectation.cause
    right_cause = not wanted or (bool(seen) and same_reason(seen, wanted))
    if observation.outcome is expectation.outcome and right_cause:
        return Verdict.AS_EXPECTED
    if observation.outcome is Outcome.PASS:
        return Verdict.UNEXPECTED_PASS
    return Verdict.UNEXPECTED


def _may_be_refused(cell: Cell, observation: Observation) -> bool:
    # Refusing an index wheel with other tags is correct. A fixture wheel is built for this
    # target, so its refusal is a finding.
    ours = isinstance(cell.subject.source, FixtureSource)
    return observation.outcome is Outcome.REFUSED and not ours
