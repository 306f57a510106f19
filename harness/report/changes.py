"""Render a comparison for a terminal or as JSON.

Regressions come first, with other recorded changes; unchanged cells are only counted.
``markdown.py`` renders the same for a step summary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter
from rich.text import Text

from harness.core.cells import Outcome
from harness.core.observations import Observation
from harness.report.untrusted import visible
from harness.results.compare import CellChange, ChangeKind, Comparison, Epidemic
from harness.results.differences import Difference
from harness.results.grid import GridCell

LISTED = (
    ChangeKind.REGRESSED,
    ChangeKind.FIXED,
    ChangeKind.CHANGED_CAUSE,
    ChangeKind.GONE,
    ChangeKind.NEW,
)
"""Changes whose cells are listed; others are only counted."""
MOST = 40
"""Maximum lines of one heading; JSON has all."""
DIGEST = 16
"""Characters of a digest to show."""
_STYLES = {ChangeKind.REGRESSED: "bold red", ChangeKind.FIXED: "green"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultRecord:
    """One side of a change."""

    outcome: Outcome
    cause: str
    evidence: str
    """Untrusted text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeRecord:
    """One cell that changed or does not pass."""

    cell: str
    change: ChangeKind
    base: ResultRecord | None
    now: ResultRecord | None
    differences: tuple[Difference, ...]
    flaky: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class EpidemicRecord:
    """Regressions that share one change of their environment."""

    cause: Difference | None
    where: tuple[str, ...]
    cells: tuple[str, ...]
    exposed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonRecord:
    """The JSON document of a comparison."""

    schema: Literal[1] = 1
    base: str
    """Start of the base run: UTC, ISO 8601."""
    run: str
    worse: bool
    counts: dict[ChangeKind, int]
    epidemics: tuple[EpidemicRecord, ...]
    changes: tuple[ChangeRecord, ...]
    """All cells except unchanged ones."""


_RECORD: TypeAdapter[ComparisonRecord] = TypeAdapter(ComparisonRecord)


def comparison_json(comparison: Comparison, *, base: str, run: str) -> str:
    """Return the JSON document; ``base`` and ``run`` are the start times of the two."""
    record = ComparisonRecord(
        base=base,
        run=run,
        worse=comparison.worse,
        counts=dict(comparison.counts),
        epidemics=tuple(
            EpidemicRecord(
                cause=epidemic.cause,
                where=epidemic.where,
                cells=tuple(change.id for change in epidemic.cells),
                exposed=epidemic.exposed,
            )
            for epidemic in comparison.epidemics
        ),
        changes=tuple(map(_record, _not_same(comparison))),
    )
    return _RECORD.dump_json(record, indent=1).decode() + "\n"


def format_comparison(comparison: Comparison) -> Text:
    """Return the lines for a terminal, with a final newline."""
    lines = [Text(counted(comparison), style="bold")]
    for epidemic in comparison.epidemics:
        lines += map(Text, ("", *_epidemic(epidemic)))
    for change in LISTED:
        cells = comparison.having(change)
        if cells:
            lines += [Text(), Text(str(change), style=_STYLES.get(change, "bold"))]
            lines += map(Text, _listed(cells))
    return Text("\n").join([*lines, Text()])


def counted(comparison: Comparison) -> str:
    """Return the number of cells per kind of change: ``2 regressed, 1 fixed, 40 same``."""
    counts = comparison.counts
    return ", ".join(f"{counts[c]} {c}" for c in ChangeKind if counts[c]) or "no cells"


def difference_line(difference: Difference) -> str:
    """Return a difference in one line: ``image: sha256:0123… → sha256:89ab…``."""
    return f"{difference.aspect}: {_short(difference.base)} → {_short(difference.now)}"


def seen_words(cell: GridCell | None) -> str:
    """Return the outcome of one side, with its cause."""
    seen = cell.observation if cell else None
    if seen is None:
        return "not there" if cell is None else "not run"
    return observed_words(seen)


def observed_words(seen: Observation) -> str:
    """Return an outcome with its cause: ``import-failed (suffix-mismatch)``."""
    return f"{seen.outcome} ({visible(seen.cause)})" if seen.cause else str(seen.outcome)


def epidemic_words(epidemic: Epidemic) -> str:
    """Return the head line of an epidemic."""
    subjects = len({change.seen.cell.subject.id for change in epidemic.cells})
    cause = (
        f"with {visible(difference_line(epidemic.cause))}"
        if epidemic.cause
        else "without a recorded change"
    )
    return (
        f"epidemic: {len(epidemic.cells)} of {epidemic.exposed} cells, {subjects} subjects, "
        f"changed {cause}"
    )


def _epidemic(epidemic: Epidemic) -> Iterator[str]:
    yield epidemic_words(epidemic)
    yield f"  on {visible(' '.join(epidemic.where))}"
    yield from (f"  {visible(line)}" for line in (epidemic.cause.lines if epidemic.cause else ()))


def _listed(cells: Sequence[CellChange]) -> Iterator[str]:
    width = max(len(visible(change.id)) for change in cells[:MOST])
    for change in cells[:MOST]:
        flaky = "  flaky" if change.flaky else ""
        words = f"{seen_words(change.base)} → {seen_words(change.now)}"
        yield f"  {visible(change.id):<{width}}  {words}{flaky}"
        for difference in change.differences:
            yield f"      {visible(difference_line(difference))}"
            yield from (f"        {visible(line)}" for line in difference.lines)
        if change.change is ChangeKind.REGRESSED and not change.differences:
            yield "      no other recorded change"
    if len(cells) > MOST:
        yield f"  and {len(cells) - MOST} more"


def _not_same(comparison: Comparison) -> Iterator[CellChange]:
    return (change for change in comparison.changes if change.change is not ChangeKind.SAME)


def _record(change: CellChange) -> ChangeRecord:
    return ChangeRecord(
        cell=change.id,
        change=change.change,
        base=_seen(change.base),
        now=_seen(change.now),
        differences=change.differences,
        flaky=change.flaky,
    )


def _seen(cell: GridCell | None) -> ResultRecord | None:
    seen = cell.observation if cell else None
    return (
        ResultRecord(outcome=seen.outcome, cause=seen.cause, evidence=seen.evidence)
        if seen
        else None
    )


def _short(value: str) -> str:
    algorithm, colon, digest = value.rpartition(":")
    is_digest = len(digest) > DIGEST and all(c in "0123456789abcdef" for c in digest)
    return f"{algorithm}{colon}{digest[:DIGEST]}" if is_digest else value
