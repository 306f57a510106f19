"""Render the cells that did not pass.

Unexpected cells come first, one per line; then misses, a line per image; then expected failures,
where cells with the same reason share a line, and the refused ones are last.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from harness.core.causes import Cause
from harness.core.cells import Expectation, Outcome
from harness.images.registry import REPEATED
from harness.report.evidence import evidence_line, evidence_lines
from harness.report.glyphs import glyph_of
from harness.report.untrusted import visible
from harness.results.grid import Grid, GridCell, Verdict

EVIDENCE_ROOM = 60
"""Minimum columns for evidence beside the id; with less, it goes below."""
MOST_NOTE_LINES = 12
"""Maximum lines of a note on a terminal."""
_NO_IMAGE = (Cause.PULL, Cause.NO_WAY)
"""Causes of a miss that images share: no registry answers, or none is asked."""
SECTIONS = (
    ("unexpected", (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS)),
    ("nothing can be said", (Verdict.MISS,)),
    ("as expected", (Verdict.AS_EXPECTED,)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Cells with the same result and evidence."""

    cells: tuple[GridCell, ...]
    evidence: str
    """Untrusted text; empty if a note stands for the evidence of several cells."""
    note: str
    """What the matrix expects and why, or what cells share; may be empty."""

    @property
    def ids(self) -> str:
        more = f" and {len(self.cells) - 1} more" if len(self.cells) > 1 else ""
        return visible(self.cells[0].cell.id) + more

    @property
    def title(self) -> str:
        observation = self.cells[0].observation
        if observation is None:
            return "not run"
        known = observation.cause if self.cells[0].verdict is not Verdict.AS_EXPECTED else ""
        cause = f": {known}" if known else ""  # below the grid expected ones are counted by cause
        return f"{observation.outcome} ({observation.stage}){visible(cause)}"


def find(grid: Grid) -> dict[str, list[Finding]]:
    """Return the findings by the heading of their section, without empty sections."""
    failed = [cell for cell in grid.cells if not _plain_pass(cell)]
    failed.sort(key=lambda cell: cell.outcome is Outcome.REFUSED)
    sections = {
        heading: _group([cell for cell in failed if cell.verdict in verdicts])
        for heading, verdicts in SECTIONS
    }
    return {heading: findings for heading, findings in sections.items() if findings}


def render_findings(grid: Grid, *, width: int | None, encoding: str) -> list[Text]:
    """Return one line per finding, or more if ``width`` is small."""
    lines: list[Text] = []
    for heading, findings in find(grid).items():
        lines += [Text(), Text(heading, style="bold")]
        lines += _section(findings, width=width, encoding=encoding)
    return lines


def _section(findings: Sequence[Finding], *, width: int | None, encoding: str) -> Iterator[Text]:
    ids = max(cell_len(finding.ids) for finding in findings)
    titles = max(len(finding.title) for finding in findings)
    beside = 2 + ids + 2 + titles + 2
    if width is not None and width - beside < EVIDENCE_ROOM:
        ids = titles = beside = 0
    start = beside or 4
    room = None if width is None else width - start
    for finding in findings:
        details = evidence_lines(finding.evidence, room, encoding)
        details += evidence_lines(finding.note, room, encoding, most=MOST_NOTE_LINES)
        line = Text.assemble(glyph_of(finding.cells[0], plain=encoding == "ascii"), " ")
        line.append(f"{finding.ids:<{ids}}")
        if width is None or len(line) + 2 + len(finding.title) <= width:
            line.append("  ").append(f"{finding.title:<{titles}}", "dim")
        else:
            details.insert(0, finding.title)
        if beside and details:
            line.append("  " + details.pop(0))
        yield line
        yield from (Text(" " * start + text) for text in details)


def _group(cells: Iterable[GridCell]) -> list[Finding]:
    groups: dict[tuple[object, ...], list[GridCell]] = {}
    for cell in cells:
        groups.setdefault(_group_key(cell), []).append(cell)
    return [_finding(same) for same in groups.values()]


def _group_key(cell: GridCell) -> tuple[object, ...]:
    seen = cell.observation
    match cell.verdict:
        case Verdict.MISS if seen and seen.cause in _NO_IMAGE:
            return (seen.cause,)
        case Verdict.MISS:
            return (cell.cell.target.key, _evidence(cell))
        case Verdict.AS_EXPECTED if seen:
            return (seen.outcome, seen.stage, _note(cell) or _refusal(_evidence(cell)))
        case _:
            return (cell.cell.id,)


def _finding(cells: Sequence[GridCell]) -> Finding:
    """Return the finding of one group; if the evidence differs, a reason and the subjects."""
    targets = list(dict.fromkeys(cell.cell.target.id for cell in cells))
    if cells[0].verdict is Verdict.MISS and len(targets) > 1:
        shared = _evidence(cells[0]).partition(REPEATED)[0]
        note = f"the same for {len(targets)} targets: {', '.join(targets)}"
        return Finding(cells=tuple(cells), evidence=shared, note=note)
    evidence, note = list(dict.fromkeys(map(_evidence, cells))), _note(cells[0])
    if len(evidence) == 1:
        return Finding(cells=tuple(cells), evidence=evidence[0], note=note)
    subjects = ", ".join(dict.fromkeys(cell.cell.subject.id for cell in cells))
    shared = f"{note or _refusal(evidence[0])}: {subjects}"
    return Finding(cells=tuple(cells), evidence="", note=shared)


_WHEEL_NAMED = re.compile(
    r"no wheel of (?P<name>\S+) \S+ for (?P<place>this Python|this platform|(?P<arch>\w+));.*?"
    r"(?P<chain>\([^()]* → [^()]*\))?"
    r"|\S+\.whl is not a supported wheel on this platform\.?"
)
"""Evidence that names the wheel (``wheels.index.choose``, ``wheels.dependencies``, pip)."""


def _refusal(evidence: str) -> str:
    """Return why a wheel is refused, in words that wheels share."""
    found = _WHEEL_NAMED.fullmatch(evidence)
    if found is None:
        return evidence
    if found["place"] is None:
        return "the installer supports no tag of the wheel"
    place = "this architecture" if found["arch"] else found["place"]
    lacking = f"no wheel of the dependency {found['name']}" if found["chain"] else "no wheel"
    return f"{lacking} for {place}"


def _evidence(cell: GridCell) -> str:
    return evidence_line(cell.observation.evidence) if cell.observation else ""


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
