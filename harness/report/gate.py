"""Render the result of the release gate for a terminal."""

from collections.abc import Sequence

from rich.text import Text

from harness.report.changes import seen_words
from harness.report.untrusted import visible
from harness.results.compare import CellChange, ChangeKind
from harness.results.gate import GateResult

MOST = 40
"""Maximum lines of one heading; ``run.json`` has all."""


def format_gate(gated: GateResult) -> Text:
    """Return worse and better cells, platforms that lose a wheel, and the counts."""
    fixed = gated.comparison.having(ChangeKind.FIXED)
    lines = [*_section("worse", gated.worse), *_section("better", fixed)]
    for lost in () if gated.partial else gated.lost:
        lines += [Text(), Text(visible(str(lost)), style="bold")]
    counts = gated.comparison.counts
    words = [f"{len(gated.worse)} cells worse, {len(fixed)} better"]
    words += [f"{len(gated.lost)} platforms without a wheel"] if gated.lost else []
    unknown = counts[ChangeKind.NOT_COMPARABLE]
    words += [f"{unknown} not comparable"] if unknown else []
    return Text("\n").join([*lines, Text(), Text(", ".join(words), style="bold")])


def _section(heading: str, changes: Sequence[CellChange]) -> list[Text]:
    if not changes:
        return []
    lines = [Text(), Text(heading, style="bold")]
    for change in changes[:MOST]:
        words = f"{seen_words(change.base)} → {seen_words(change.now)}"
        lines.append(Text(f"  {visible(change.id)}  {words}"))
        if change.now and change.now.observation and change.now.observation.evidence:
            lines.append(Text(f"      {visible(change.now.observation.evidence)}"))
    if len(changes) > MOST:
        lines.append(Text(f"  and {len(changes) - MOST} more"))
    return lines
