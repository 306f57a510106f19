"""Render findings about wheels, with untrusted text escaped."""

from collections.abc import Iterator

from rich.text import Text

from harness.core.wheel_findings import WheelFinding
from harness.report.evidence import indented
from harness.results.grid import Grid

TITLE = "findings about wheels"


def finding_words(finding: WheelFinding) -> str:
    """Return a finding in one line; untrusted text."""
    where = f"{finding.file}: " if finding.file else ""
    return f"{finding.code}: {where}{finding.message} ({finding.minded_by}; {finding.source})"


def render_defects(grid: Grid, *, width: int | None, encoding: str) -> Iterator[Text]:
    """Yield each wheel that has findings, and its findings below it."""
    if grid.findings:
        yield from (Text(), Text(TITLE, style="bold"))
    for wheel, findings in grid.findings.items():
        yield from indented(wheel, 2, width, encoding)
        for finding in findings:
            yield from indented(finding_words(finding), 4, width, encoding)
