"""Render findings about wheels, with untrusted text escaped."""

import textwrap
from collections.abc import Iterator

from rich.text import Text

from harness.core.wheel_findings import WheelFinding
from harness.report.untrusted import cut, visible
from harness.results.grid import Grid

TITLE = "findings about wheels"


def finding_words(finding: WheelFinding) -> str:
    """Return a finding in one line; untrusted text."""
    where = f"{finding.file}: " if finding.file else ""
    return f"{finding.code}: {where}{finding.message} ({finding.minded_by}; {finding.source})"


def render_defects(grid: Grid, *, width: int, encoding: str) -> Iterator[Text]:
    """Yield each wheel that has findings, and its findings below it."""
    if grid.findings:
        yield from (Text(), Text(TITLE, style="bold"))
    for wheel, findings in grid.findings.items():
        yield from _wrapped(wheel, "  ", width, encoding)
        for finding in findings:
            yield from _wrapped(finding_words(finding), "    ", width, encoding)


def _wrapped(text: str, indent: str, width: int, encoding: str) -> Iterator[Text]:
    ellipsis = "..." if encoding == "ascii" else "…"
    for line in textwrap.wrap(
        visible(" ".join(text.split()), encoding=encoding),
        width=width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    ):
        yield Text(cut(line, width, ellipsis=ellipsis))
