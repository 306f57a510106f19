"""Render the cells that did not pass.

Unexpected cells come first, one per line; then misses, a line per image; then expected failures,
where cells of a subject with the same evidence share a line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from harness.core.cells import Expectation, Outcome
from harness.report.glyphs import glyph_of
from harness.report.untrusted import cut, visible
from harness.results.grid import Grid, GridCell, Verdict

EVIDENCE_ROOM = 60
"""Minimum columns for evidence beside the id; with less, it goes below."""
SECTIONS = (
    ("unexpected", (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS)),
    ("nothing can be said", (Verdict.MISS,)),
    ("as expected", (Verdict.AS_EXPECTED,)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Cells with the same result and evidence."""

    cells: tuple[GridCell, ...]
    details: tuple[str, ...]
    """The key line of evidence, then what the matrix expects and why; untrusted, may be empty."""

    @property
    def ids(self) -> str:
        more = f" and {len(self.cells) - 1} more" if len(self.cells) > 1 else ""
        return visible(self.cells[0].cell.id) + more

    @property
    def title(self) -> str:
        observation = self.cells[0].observation
        if observation is None:
            return "not run"
        return f"{observation.outcome} ({observation.stage})"


def find(grid: Grid) -> dict[str, list[Finding]]:
    """Return the findings by the heading of their section, without empty sections."""
    sections = {
        heading: _group([c for c in grid.cells if c.verdict in verdicts and not _plain_pass(c)])
        for heading, verdicts in SECTIONS
    }
    return {heading: findings for heading, findings in sections.items() if findings}


def render_findings(grid: Grid, *, width: int, encoding: str) -> list[Text]:
    """Return one line per finding, or more if ``width`` is small."""
    lines: list[Text] = []
    for heading, findings in find(grid).items():
        lines += [Text(), Text(heading, style="bold")]
        lines += _section(findings, width=width, encoding=encoding)
    return lines


def _section(findings: Sequence[Finding], *, width: int, encoding: str) -> Iterator[Text]:
    ids = max(cell_len(finding.ids) for finding in findings)
    titles = max(len(finding.title) for finding in findings)
    beside = 2 + ids + 2 + titles + 2
    if width - beside < EVIDENCE_ROOM:
        ids = titles = beside = 0
    for finding in findings:
        start = beside or 4
        details = [fit(text, width - start, encoding) for text in finding.details if text]
        line = Text.assemble(glyph_of(finding.cells[0], plain=encoding == "ascii"), " ")
        line.append(f"{finding.ids:<{ids}}  ").append(f"{finding.title:<{titles}}", "dim")
        if beside and details:
            line.append("  " + details.pop(0))
        yield line
        yield from (Text(" " * start + text) for text in details)


def fit(text: str, width: int, encoding: str) -> str:
    """Return untrusted ``text`` as one line of at most ``width`` columns."""
    line = visible(" ".join(text.split()), encoding=encoding)
    return cut(line, width, ellipsis="..." if encoding == "ascii" else "…")


def _group(cells: Iterable[GridCell]) -> list[Finding]:
    groups: dict[tuple[object, ...], list[GridCell]] = {}
    for cell in cells:
        groups.setdefault(_group_key(cell), []).append(cell)
    return [
        Finding(cells=tuple(same), details=(_evidence(same[0]), _note(same[0])))
        for same in groups.values()
    ]


def _group_key(cell: GridCell) -> tuple[object, ...]:
    match cell.verdict:
        case Verdict.MISS:
            return (cell.cell.target.key, _evidence(cell))
        case Verdict.AS_EXPECTED:
            return (_seen(cell), cell.cell.subject.id, cell.cell.expectation)
        case _:
            return (cell.cell.id,)


def _seen(cell: GridCell) -> tuple[str, ...]:
    seen = cell.observation
    return (seen.outcome, seen.stage, seen.evidence) if seen else ()


def _evidence(cell: GridCell) -> str:
    return cell.observation.evidence if cell.observation else ""


def _note(cell: GridCell) -> str:
    expectation = cell.cell.expectation
    if expectation is None:
        return ""
    match cell.verdict:
        case Verdict.AS_EXPECTED:
            return f"{expectation.reason} <{expectation.link}>"
        case Verdict.UNEXPECTED_PASS | Verdict.UNEXPECTED:
            return f"{_wanted(expectation)}: {expectation.reason} <{expectation.link}>"
        case _:
            return ""


def _wanted(expectation: Expectation) -> str:
    cause = f" ({expectation.cause})" if expectation.cause else ""
    where = f"{expectation.where} " if expectation.where else ""
    return f"{where}expects {expectation.outcome}{cause}"


def format_unmet(expectation: Expectation) -> str:
    """Return the line about an expectation by cause that applies to no cell."""
    return (
        f"{expectation.where}: no cell of {expectation.target} on {expectation.arch} is predicted "
        f"to fail by {expectation.cause}; correct the expectation, or remove it"
    )


def _plain_pass(cell: GridCell) -> bool:
    return cell.outcome is Outcome.PASS and cell.verdict is Verdict.AS_EXPECTED
