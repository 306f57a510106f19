"""Judge predictions and observations of the corpus by its rows, and print what differs (pure)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.core.causes import Cause, same_reason
from harness.core.cells import Outcome
from harness.core.observations import Observation, Prediction
from harness.core.wheel_findings import FindingCode
from harness.matrix.files.corpus_file import CorpusShape

RECALL = 0.9
"""The share of breakages that must be predicted with their cause; no pass may be denied."""
UNREADABLE_CAUSES = frozenset(
    {
        Cause.ABI_MISMATCH,
        Cause.CPU_BASELINE,
        Cause.EMULATOR_SUSPECT,
        Cause.ENDLESS_OUTPUT,
        Cause.MEMORY_LIMIT,
        Cause.PIDS_LIMIT,
        Cause.QUIET,
        Cause.SIGNAL,
        Cause.TIMEOUT,
    }
)
"""Causes that only show when the code runs: no rule predicts them."""
OPENED = {Outcome.IMPORT_FAILED, Outcome.LOAD_FAILED}
"""What a library that does not load may end in: it is opened while importing, or later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedCell:
    """A row on one target."""

    where: str
    """``file:line`` of the row."""
    row: CorpusShape
    target: str
    prediction: Prediction | None = None
    """None if nothing could be predicted."""
    observation: Observation | None = None
    lacking: str = ""
    """Why nothing is known: the index has deleted the file."""

    @property
    def cause(self) -> str:
        """The right cause; empty for a pass."""
        return self.row.cause or ""

    @property
    def breaks(self) -> bool:
        """Whether the wheel fails there: a crash of the emulator's own is none of the wheel's."""
        emulators = self.row.cause is Cause.EMULATOR_SUSPECT
        return self.row.outcome is not Outcome.PASS and not emulators

    @property
    def alarms(self) -> bool:
        """Whether a failure is predicted."""
        return self.prediction is not None and self.prediction.outcome is not Outcome.PASS

    @property
    def is_right(self) -> bool:
        """Whether the prediction has the row's cause, and fails where the row does.

        Whether a library is opened during the import or later is in code, which is not read.
        """
        said = self.prediction
        return (
            said is not None
            and said.cause == self.cause
            and (said.outcome is self.row.outcome or {said.outcome, self.row.outcome} <= OPENED)
        )

    @property
    def is_seen(self) -> bool:
        """Whether the observation has the row's outcome and cause."""
        seen = self.observation
        return seen is not None and (
            seen.outcome is self.row.outcome and same_reason(seen.cause, self.cause)
        )

    @property
    def is_doubted(self) -> bool:
        """Whether a program's signal is a finding alone, as it is under emulation."""
        seen = self.observation
        findings = seen.findings if seen else ()
        return self.row.cause is Cause.SIGNAL and any(
            each.code is FindingCode.PROGRAM_START and "killed by" in each.message
            for each in findings
        )

    @property
    def contradicted(self) -> bool:
        """Whether the observation is not what the row says."""
        seen = self.observation
        if seen is None or seen.outcome is Outcome.MISS:
            return False
        return not (self.is_seen or self.is_doubted)


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How many cells are predicted right."""

    found: int
    """Breakages that are predicted with their cause."""
    known: int
    """Breakages that are predicted or observed with their cause."""
    breakages: int
    alarms: int
    """Predicted failures."""
    true_alarms: int
    """Predicted failures that do fail."""

    @property
    def recall(self) -> float:
        return self.found / self.breakages if self.breakages else 1.0

    @property
    def precision(self) -> float:
        return self.true_alarms / self.alarms if self.alarms else 1.0


def score(cells: Iterable[JudgedCell]) -> Score:
    """Count the right predictions."""
    cells = tuple(cells)
    alarms = [cell for cell in cells if cell.alarms]
    return Score(
        found=sum(cell.breaks and cell.is_right for cell in cells),
        known=sum(cell.breaks and (cell.is_right or cell.is_seen) for cell in cells),
        breakages=sum(cell.breaks for cell in cells),
        alarms=len(alarms),
        true_alarms=sum(cell.breaks for cell in alarms),
    )


def meets_target(cells: Sequence[JudgedCell]) -> bool:
    """Whether recall is high enough, no pass is denied and no row contradicted or without file."""
    fine = all(not (cell.contradicted or cell.lacking) for cell in cells)
    return fine and score(cells).recall >= RECALL and score(cells).precision == 1


def report_lines(cells: Sequence[JudgedCell]) -> Iterator[str]:
    """Yield the figures, then each miss, each contradiction and each row without a file."""
    readable = [cell for cell in cells if cell.row.cause not in UNREADABLE_CAUSES]
    rows = {cell.where for cell in cells}
    yield f"{len(rows)} rows, {len(cells)} cells; predictions with the right cause:"
    parts = {
        "all breakages": cells,
        "those that bytes show": readable,
        "those the rules were not written with": [c for c in readable if not c.row.known],
    }
    for title, part in parts.items():
        one = score(part)
        yield f"  recall {one.recall:6.1%}  {one.found} of {one.breakages}: {title}"
    one = score(cells)
    if any(cell.observation for cell in cells):
        known = one.known / one.breakages if one.breakages else 1.0
        yield f"  recall {known:6.1%}  {one.known} of {one.breakages}: predicted, or observed here"
    yield f"  precision {one.precision:6.1%}  {one.true_alarms} of {one.alarms} predicted failures"
    observed = [c.observation for c in cells if c.observation]
    missed = sum(seen.outcome is Outcome.MISS for seen in observed)
    yield f"{len(observed) - missed} cells observed, {missed} missed"
    yield from _section("not predicted", (c for c in cells if c.breaks and not c.is_right))
    yield from _section("false alarms", (c for c in cells if c.alarms and not c.breaks))
    yield from _section("observed otherwise than the row", (c for c in cells if c.contradicted))
    doubted = (c for c in cells if c.is_doubted and not c.is_seen)
    yield from _section("observed, but doubted under emulation", doubted)
    yield from _section("without a file", (c for c in cells if c.lacking))
    told = {c.where: c.row for c in cells if c.row.contradicts}
    if told:
        yield "reports that are contradicted:"
    for where, row in told.items():
        yield f"  {where}: {row.file}: {row.contradicts} ({row.link})"


def _section(title: str, cells: Iterable[JudgedCell]) -> Iterator[str]:
    found = list(cells)
    if found:
        yield f"{title}:"
    for cell in found:
        yield f"  {cell.where}: {cell.target}: {cell.row.file}"
        yield f"    right:     {_words(cell.row.outcome, cell.cause, cell.row.why)}"
        if cell.lacking:
            yield f"    lacking:   {cell.lacking}"
        if said := cell.prediction:
            yield f"    predicted: {_words(said.outcome, said.cause, said.evidence)}"
        if seen := cell.observation:
            yield f"    seen:      {_words(seen.outcome, seen.cause, seen.evidence)}"


def _words(outcome: Outcome, cause: str, evidence: str) -> str:
    return "  ".join(filter(None, (outcome.value, cause, evidence)))
