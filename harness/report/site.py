"""Render runs as a static site.

``index.html`` is the latest grid; each target and each subject has a page, and ``history.html``
lists changes. All links are internal, so that any static host works.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from urllib.parse import quote

from harness.core.cells import Outcome
from harness.core.errors import ExitCode
from harness.report.atom import atom_feed
from harness.report.badge import badge_svg, subject_badge
from harness.report.glyphs import GLYPHS
from harness.report.html import Link, count_verdicts, format_moment, html_page
from harness.report.listing_pages import (
    Listing,
    SiteRow,
    SiteSection,
    cell_listing,
    cells_by,
    change_row,
    listing_page,
    overview,
    subject_id,
    target_key,
)
from harness.results.past import NO_STORED_FACTS, StoredFacts, Transition, past_of, transitions
from harness.results.runfile import Run, run_json

MOST_TRANSITIONS = 500
"""Maximum transitions on the history page."""


def site_files(
    runs: Sequence[Run], *, known: StoredFacts = NO_STORED_FACTS, url: str = ""
) -> dict[str, str]:
    """Return the text of each file by its path; at least one of ``runs``, oldest first.

    ``url``: public address of the site, for the feed's links.
    """
    latest, earlier = runs[-1], runs[:-1]
    past = past_of(latest, earlier, base=earlier[-1] if earlier else None, known=known)
    changes = transitions(runs)
    files = {
        "index.html": html_page(latest, past, links=_links()),
        "history.html": _page(_history(runs, changes), up=""),
        "feed.atom": atom_feed(changes, updated=latest.circumstances.started_at, url=url),
        "run.json": run_json(latest),
    }
    return files | dict(_axis_pages(latest)) | dict(_badges(latest))


def file_name(key: str) -> str:
    """Return the page name of a target key or subject id, without folder and suffix.

    Names are unique, and none leads out of the site.
    """
    return quote(key, safe="").replace("%2F", "--").replace("%", "_").lstrip(".") or "_"


def _links() -> list[Link]:
    return [
        Link(href="targets.html", text="Targets"),
        Link(href="subjects.html", text="Wheels"),
        Link(href="history.html", text="History"),
        Link(href="feed.atom", text="Feed"),
        Link(href="run.json", text="run.json"),
    ]


def _axis_pages(run: Run) -> Iterator[tuple[str, str]]:
    for folder, title, key, other in (
        ("targets", "Targets", target_key, subject_id),
        ("subjects", "Wheels", subject_id, target_key),
    ):
        axis = cells_by(run.grid.cells, key)
        links = {name: f"{folder}/{quote(file_name(name))}.html" for name in axis}
        yield f"{folder}.html", _page(overview(title, axis, links.__getitem__), up="")
        for name, cells in axis.items():
            listed = cell_listing(name, cells, other, lambda cell: f"../{_in_grid(cell)}")
            yield f"{folder}/{file_name(name)}.html", _page(listed, up="../")


def _badges(run: Run) -> Iterator[tuple[str, str]]:
    for subject, cells in cells_by(run.grid.cells, subject_id).items():
        yield f"badges/{file_name(subject)}.svg", badge_svg(subject_badge(subject, cells))


def _history(runs: Sequence[Run], changes: Sequence[Transition]) -> Listing:
    parts = tuple(
        SiteSection(
            heading=format_moment(when),
            rows=tuple(change_row(transition.change, _in_grid) for transition in same),
        )
        for when, same in groupby(changes[:MOST_TRANSITIONS], key=lambda each: each.when)
    )
    if not parts:
        parts = (SiteSection(heading="Changes", rows=(), nothing="No changes between runs."),)
    listed = SiteSection(heading="Runs", rows=tuple(_run_row(run) for run in reversed(runs)))
    return Listing(title="History", parts=(*parts, listed))


def _run_row(run: Run) -> SiteRow:
    counts = count_verdicts(run)
    outcome = Outcome.PASS if run.exit_code == ExitCode.AS_EXPECTED else Outcome.MISS
    return SiteRow(
        name=format_moment(run.circumstances.started_at),
        words=f"{counts.as_expected} of {counts.total} cells as expected"
        + (f", {counts.unexpected} unexpected" if counts.unexpected else "")
        + (f", {counts.missed} missed" if counts.missed else ""),
        glyph=GLYPHS[outcome].expected,
        outcome=outcome,
    )


def _in_grid(cell: str) -> str:
    return f"index.html#cell={quote(cell, safe='/')}"


def _page(listing: Listing, *, up: str) -> str:
    pages = (
        ("index", "Grid"),
        ("targets", "Targets"),
        ("subjects", "Wheels"),
        ("history", "History"),
    )
    return listing_page(listing, [Link(href=f"{up}{at}.html", text=text) for at, text in pages])
