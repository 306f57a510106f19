"""Render a grid as Markdown for a step summary, within a size limit.

GitHub drops a step summary of more than 1 MiB. If the text is too long, the grid is omitted first,
then rows of failures; the counts always stay.
"""

import html
import re
from collections.abc import Iterator, Sequence

from harness.report.canary_lines import doubted_lines
from harness.report.causes import EXPLAIN
from harness.report.changes import LISTED, counted, difference_line, epidemic_words, seen_words
from harness.report.defects import TITLE, finding_words
from harness.report.evidence import evidence_line
from harness.report.glyphs import count_cells
from harness.report.table import render_table
from harness.report.untrusted import cut, visible
from harness.results.compare import CellChange, Comparison
from harness.results.grid import Grid, GridCell, Verdict

BUDGET = 1 << 20
"""Bytes (docs.github.com: "Adding a job summary", 1 MiB per step)."""
WIDTH = 160
"""Columns of the grid, which scrolls horizontally."""
EVIDENCE = 500
"""Maximum characters of a row's evidence: as many as a probe keeps."""


def markdown_summary(
    grid: Grid, *, comparison: Comparison | None = None, budget: int = BUDGET
) -> str:
    """Return the summary in at most ``budget`` bytes of UTF-8, at least a few hundred."""
    counts = [*_counts(grid), ""]
    rows = [*_doubted(grid), *_changes(comparison), *_failures(grid), *_defects(grid)]
    if _bytes(rows) < budget:
        whole = [*counts, *rows, *_drawn(grid)]
        if _bytes(whole) <= budget:
            return _text(whole)
    note = ["", "_The grid is omitted because of its size; `run.json` has all cells._"]
    return _text([*counts, *_first(rows, budget - _bytes([*counts, *note])), *note])


def _counts(grid: Grid) -> Iterator[str]:
    right = sum(c.verdict is Verdict.AS_EXPECTED for c in grid.cells)
    yield f"### {right} of {len(grid.cells)} cells as expected"
    yield ""
    yield " · ".join(_escaped(count.plain) for count in count_cells(grid.cells, plain=False))


def markdown_changes(comparison: Comparison, *, budget: int = BUDGET) -> str:
    """Return only a comparison, in at most ``budget`` bytes of UTF-8, at least a few hundred."""
    return _text(_first(list(_changes(comparison)), budget))


def _changes(comparison: Comparison | None) -> Iterator[str]:
    if comparison is None:
        return
    yield "#### Since the base"
    yield ""
    yield counted(comparison)
    yield ""
    for epidemic in comparison.epidemics:
        yield f"- {_escaped(epidemic_words(epidemic))} on {_code(' '.join(epidemic.where))}"
    if comparison.epidemics:
        yield ""
    found = [change for kind in LISTED for change in comparison.having(kind)]
    if found:
        yield "| cell | change | was | is | other changes |"
        yield "|---|---|---|---|---|"
        yield from map(_change, found)
        yield ""


def _change(change: CellChange) -> str:
    others = "; ".join(
        "; ".join((difference_line(difference), *difference.lines))
        for difference in change.differences
    )
    kind = f"{change.change}, flaky" if change.flaky else str(change.change)
    words = (_code(seen_words(side)) for side in (change.base, change.now))
    return f"| {_code(change.id)} | {kind} | {' | '.join(words)} | {_code(others)} |"


def _doubted(grid: Grid) -> Iterator[str]:
    if lines := doubted_lines(grid):
        yield "#### Not believed"
        yield ""
        yield from (f"- {_code(cut(line, EVIDENCE))}" for line in lines)
        yield ""


def _failures(grid: Grid) -> Iterator[str]:
    for heading, verdicts in (
        ("Unexpected", (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS)),
        ("Nothing can be said", (Verdict.MISS,)),
    ):
        cells = [c for c in grid.cells if c.verdict in verdicts]
        if cells:
            yield f"#### {heading}"
            yield ""
            yield "| cell | seen | evidence |"
            yield "|---|---|---|"
            yield from map(_row, cells)
            yield ""
            yield f"`{EXPLAIN}` shows what a cause means, and what to do."
            yield ""


def _row(cell: GridCell) -> str:
    seen = cell.observation
    if seen is None:
        return f"| {_code(cell.cell.id)} | not run | |"
    shown = seen.cause or (seen.prediction.cause if seen.prediction else "")
    cause = f" {_code(shown)}" if shown else ""
    evidence = cut(evidence_line(seen.evidence), EVIDENCE)
    return f"| {_code(cell.cell.id)} | {seen.outcome}{cause} | {_code(evidence)} |"


def _defects(grid: Grid) -> Iterator[str]:
    if not grid.findings:
        return
    yield f"#### {TITLE.capitalize()}"
    yield ""
    yield "| wheel | finding |"
    yield "|---|---|"
    for wheel, findings in grid.findings.items():
        for finding in findings:
            yield f"| {_code(wheel)} | {_code(finding_words(finding))} |"
    yield ""


def _drawn(grid: Grid) -> list[str]:
    lines = [line.plain for line in render_table(grid, width=WIDTH, plain=False)]
    return ["<details><summary>The grid</summary>", "", *_fenced(lines), "", "</details>"]


def _fenced(lines: Sequence[str]) -> list[str]:
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *(line.rstrip() for line in lines), fence]


def _first(rows: Sequence[str], room: int) -> list[str]:
    """Return as many of ``rows`` as fit into ``room`` bytes, and the number of others."""
    if _bytes(rows) <= room:
        return list(rows)
    kept: list[str] = []
    room -= _bytes(["", f"_and {len(rows)} lines more_"])
    for row in rows:
        room -= _bytes([row])
        if room < 0:
            return [*kept, "", f"_and {len(rows) - len(kept)} lines more_"]
        kept.append(row)
    return kept


def _code(text: str) -> str:
    return f"<code>{_escaped(text)}</code>" if text else ""


def _escaped(text: str) -> str:
    # Markdown ignores entities; a backslash would be visible in a code element.
    shown = html.escape(visible(text.replace("\n", " ")), quote=False)
    markup = r"(?i)[\\`*_{}\[\]#+!|~@:$-]|(?<=www)\."  # "www." begins a link
    return re.sub(markup, lambda found: f"&#{ord(found[0])};", shown)


def _bytes(lines: Sequence[str]) -> int:
    return len(_text(lines).encode())


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
