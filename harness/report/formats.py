"""Render a run in one of the formats of ``wheelgrid report``."""

from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

from harness.core.errors import UsageError
from harness.core.matching import did_you_mean
from harness.report.annotations import annotations
from harness.report.atom import atom_feed
from harness.report.badge import badge_svg, subject_badge
from harness.report.html import html_page
from harness.report.junit import junit_xml
from harness.report.markdown import markdown_summary
from harness.results.past import NO_STORED_FACTS, StoredFacts, past_of, transitions
from harness.results.runfile import Run, run_json


class Format(StrEnum):
    """Output format of a report."""

    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"
    JUNIT = "junit"
    BADGE = "badge"
    ATOM = "atom"
    GITHUB = "github"


def render_report(  # noqa: PLR0911 - one for each format
    run: Run,
    form: Format,
    *,
    earlier: Sequence[Run] = (),
    subject: str | None = None,
    known: StoredFacts = NO_STORED_FACTS,
) -> str:
    """Return ``run`` in ``form``; the last of ``earlier`` runs, oldest first, is its base.

    ``subject``: subject of the badge. Raises ``UsageError`` if the run does not have it.
    """
    past = past_of(run, earlier, base=earlier[-1] if earlier else None, known=known)
    started_at = run.circumstances.started_at
    match form:
        case Format.HTML:
            return html_page(run, past)
        case Format.MARKDOWN:
            return markdown_summary(run.grid, comparison=past.comparison)
        case Format.JSON:
            return run_json(run)
        case Format.JUNIT:
            return junit_xml(run.grid, timestamp=started_at)
        case Format.BADGE:
            return _badge(run, subject)
        case Format.GITHUB:
            return annotations(run.grid)
        case Format.ATOM:
            return atom_feed(transitions([*earlier, run]), updated=started_at)
    assert_never(form)


def _badge(run: Run, subject: str | None) -> str:
    ids = [each.id for each in run.subjects]
    chosen = ids[0] if subject is None and len(ids) == 1 else subject
    if chosen is None:
        raise UsageError(f"a badge has one subject; choose it with --subject: {' '.join(ids)}")
    if chosen not in ids:
        raise UsageError(f"no subject {chosen!r} in this run{did_you_mean(chosen, ids)}")
    return badge_svg(
        subject_badge(chosen, [c for c in run.grid.cells if c.cell.subject.id == chosen])
    )
