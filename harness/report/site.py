"""Render runs as a static site.

``index.html`` is the latest grid; each target and each subject has a page, and ``history.html``
lists changes. All links are internal, so that any static host works.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

from markupsafe import Markup

from harness.core.cells import Outcome
from harness.core.errors import ExitCode
from harness.report.atom import atom_feed
from harness.report.badge import badge_svg, subject_badge
from harness.report.evidence import evidence_line
from harness.report.glyphs import GLYPHS, NOT_RUN, glyph_of
from harness.report.html import (
    ASSETS,
    Link,
    count_verdicts,
    format_moment,
    html_page,
    open_templates,
    outcome_style,
    security_header,
)
from harness.report.untrusted import cut, visible
from harness.results.grid import GridCell, Verdict
from harness.results.past import NO_STORED_FACTS, StoredFacts, Transition, past_of, transitions
from harness.results.runfile import Run, run_json

EVIDENCE_COLUMNS = 500
"""Maximum columns of evidence in a row."""
MOST_TRANSITIONS = 500
"""Maximum transitions on the history page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteRow:
    """One line of a listing."""

    name: str
    words: str
    glyph: str = NOT_RUN.expected
    outcome: str = ""
    loud: bool = False
    href: str = ""
    detail: str = ""
    """Output of the wheel or the installer, escaped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteSection:
    """Lines under one heading."""

    heading: str
    rows: tuple[SiteRow, ...]
    nothing: str = "Nothing."


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A page of lines."""

    title: str
    subtitle: str = ""
    parts: tuple[SiteSection, ...]


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
        ("targets", "Targets", _target_key, _subject_id),
        ("subjects", "Wheels", _subject_id, _target_key),
    ):
        axis = _by(run, key)
        yield f"{folder}.html", _page(_overview(title, folder, axis), up="")
        for name, cells in axis.items():
            yield f"{folder}/{file_name(name)}.html", _page(_listing(name, cells, other), up="../")


def _badges(run: Run) -> Iterator[tuple[str, str]]:
    for subject, cells in _by(run, _subject_id).items():
        yield f"badges/{file_name(subject)}.svg", badge_svg(subject_badge(subject, cells))


def _target_key(cell: GridCell) -> str:
    return cell.cell.target.key


def _subject_id(cell: GridCell) -> str:
    return cell.cell.subject.id


def _by(run: Run, key: Callable[[GridCell], str]) -> dict[str, list[GridCell]]:
    return {name: list(cells) for name, cells in groupby(sorted(run.grid.cells, key=key), key)}


def _overview(title: str, folder: str, axis: Mapping[str, Sequence[GridCell]]) -> Listing:
    rows = []
    for name, cells in axis.items():
        surprises = [c for c in cells if c.verdict is not Verdict.AS_EXPECTED]
        glyph, _ = glyph_of((surprises or cells)[0], plain=False)
        rows.append(
            SiteRow(
                name=name,
                href=f"{folder}/{quote(file_name(name))}.html",
                words=subject_badge(name, cells).message
                + (f", {len(surprises)} not as expected" if surprises else ""),
                glyph=glyph,
                outcome=(surprises or cells)[0].outcome or "",
                loud=bool(surprises),
            )
        )
    return Listing(title=title, parts=(SiteSection(heading="In the latest run", rows=tuple(rows)),))


def _listing(name: str, cells: Iterable[GridCell], other: Callable[[GridCell], str]) -> Listing:
    ordered = sorted(cells, key=lambda cell: cell.verdict is Verdict.AS_EXPECTED)
    badge = subject_badge(name, ordered)
    parts = tuple(
        SiteSection(heading=heading, rows=tuple(_cell_row(c, other(c)) for c in same))
        for heading, same in (
            ("Not as expected", [c for c in ordered if c.verdict is not Verdict.AS_EXPECTED]),
            ("As expected", [c for c in ordered if c.verdict is Verdict.AS_EXPECTED]),
        )
    )
    return Listing(title=visible(name), subtitle=badge.message, parts=parts)


def _cell_row(cell: GridCell, name: str) -> SiteRow:
    seen = cell.observation
    glyph, _ = glyph_of(cell, plain=False)
    expectation = cell.cell.expectation
    explanation = seen.prediction.explanation if seen and seen.prediction else ""
    detail = explanation or (seen.evidence if seen else "")
    passes = cell.outcome is Outcome.PASS
    words = f"{seen.outcome}{'' if passes else f' at {seen.stage}'}" if seen else "not run"
    words += f" ({seen.cause})" if seen and seen.cause else ""
    words += f"; expected: {expectation.reason}" if expectation else ""
    return SiteRow(
        name=visible(name),
        href=f"../index.html#cell={quote(cell.cell.id, safe='/')}",
        words=visible(words),
        glyph=glyph,
        outcome=cell.outcome or "",
        loud=cell.verdict in (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS),
        detail=cut(evidence_line(detail), EVIDENCE_COLUMNS),
    )


def _history(runs: Sequence[Run], changes: Sequence[Transition]) -> Listing:
    parts = tuple(
        SiteSection(
            heading=format_moment(when),
            rows=tuple(_transition_row(transition) for transition in same),
        )
        for when, same in groupby(changes[:MOST_TRANSITIONS], key=lambda each: each.when)
    )
    if not parts:
        parts = (SiteSection(heading="Changes", rows=(), nothing="No changes between runs."),)
    listed = SiteSection(heading="Runs", rows=tuple(_run_row(run) for run in reversed(runs)))
    return Listing(title="History", parts=(*parts, listed))


def _transition_row(transition: Transition) -> SiteRow:
    change = transition.change
    sides = [str(side.outcome or "not run") if side else "" for side in (change.base, change.now)]
    glyph, _ = glyph_of(change.seen, plain=False)
    return SiteRow(
        name=visible(change.id),
        href=f"index.html#cell={quote(change.id, safe='/')}",
        words=f"{change.change}: {' → '.join(sides)}",
        glyph=glyph,
        outcome=change.seen.outcome or "",
        loud=change.seen.verdict is Verdict.UNEXPECTED,
        detail=visible("; ".join(f"{d.aspect}: {d.base} → {d.now}" for d in change.differences)),
    )


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


def _page(listing: Listing, *, up: str) -> str:
    style = (ASSETS / "page.css").read_text("utf-8") + outcome_style()
    return (
        open_templates()
        .get_template("listing.html")
        .render(
            listing=listing,
            links=[
                Link(href=f"{up}index.html", text="Grid"),
                Link(href=f"{up}targets.html", text="Targets"),
                Link(href=f"{up}subjects.html", text="Wheels"),
                Link(href=f"{up}history.html", text="History"),
            ],
            style=Markup(style),  # noqa: S704 - files of this package
            csp=security_header(style, ""),
        )
    )
