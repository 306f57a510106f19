"""Render the cells that are not as expected as annotations of GitHub Actions.

Source: docs.github.com, "Workflow commands for GitHub Actions", and ``escapeData`` and
``escapeProperty`` of actions/toolkit (``packages/core/src/command.ts``).
"""

from collections.abc import Iterator

from harness.report.evidence import evidence_line
from harness.report.target_list import folded
from harness.report.untrusted import cut
from harness.results.grid import Grid, GridCell, Verdict

MOST = 10
"""Annotations of one kind that GitHub shows for a step."""
LONGEST = 1000
"""Columns of a message; GitHub cuts an annotation at 64 KiB."""
_LEVELS = {
    Verdict.UNEXPECTED: "error",
    Verdict.UNEXPECTED_PASS: "error",
    Verdict.MISS: "warning",
}


def annotations(grid: Grid) -> str:
    """Return a line for each subject and cause, with the targets; the last one counts the rest.

    A result that is not as expected is an error, and a miss a warning. Targets that may fail have
    none.
    """
    groups: dict[tuple[str, str], list[GridCell]] = {}
    for cell in grid.cells:
        level = _LEVELS.get(cell.verdict)
        if level and not cell.cell.target.allow_failure:
            groups.setdefault((level, _title(cell)), []).append(cell)
    return "".join(line for level in ("error", "warning") for line in _lines(level, groups))


def _lines(level: str, groups: dict[tuple[str, str], list[GridCell]]) -> Iterator[str]:
    own = [(title, cells) for (kind, title), cells in groups.items() if kind == level]
    shown = own if len(own) <= MOST else own[: MOST - 1]
    for title, cells in shown:
        yield _command(level, title, _message(cells))
    if left := own[len(shown) :]:
        count = sum(len(cells) for _, cells in left)
        yield _command(level, f"{len(left)} more", f"{count} more cells; the summary has them")


def _title(cell: GridCell) -> str:
    seen = cell.observation
    words = f"{cell.outcome} {seen.cause if seen else ''}".rstrip()
    expected = cell.cell.expectation
    if cell.verdict is Verdict.UNEXPECTED_PASS and expected:
        words = f"{words}, expected {expected.outcome}"
    return f"{cell.cell.subject.id}: {words}"


def _message(cells: list[GridCell]) -> str:
    evidence = cells[0].observation.evidence if cells[0].observation else ""
    where = folded([cell.cell.target.key for cell in cells])
    return f"{where}: {evidence}" if evidence else where


def _command(level: str, title: str, message: str) -> str:
    """Return a workflow command whose texts cannot end it or begin another one."""
    name = _escaped(evidence_line(title)).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={name}::{_escaped(cut(evidence_line(message), LONGEST))}\n"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
