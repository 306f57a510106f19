"""Render pages of lines, which need no script: a target, a wheel, a history, a list of runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from harness.core.cells import Outcome
from harness.report.badge import subject_badge
from harness.report.evidence import evidence_line
from harness.report.glyphs import NOT_RUN, glyph_of
from harness.report.html import ASSETS, Link, open_templates, outcome_style, security_header
from harness.report.untrusted import cut, visible
from harness.results.compare import CellChange
from harness.results.grid import GridCell, Verdict

EVIDENCE_COLUMNS = 500
"""Maximum columns of evidence in a row."""


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
    rows: tuple[SiteRow, ...] = ()
    nothing: str = "Nothing."
    text: str = ""
    """Escaped text, shown as it is instead of rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A page of lines."""

    title: str
    subtitle: str = ""
    parts: tuple[SiteSection, ...]


Key = Callable[[GridCell], str]
"""Names a cell by its target or by its subject."""


def target_key(cell: GridCell) -> str:
    """Return ``<target>/<arch>``."""
    return cell.cell.target.key


def subject_id(cell: GridCell) -> str:
    """Return the id of the cell's subject."""
    return cell.cell.subject.id


def cells_by(cells: Iterable[GridCell], key: Key) -> dict[str, list[GridCell]]:
    """Return the cells by their target or subject, sorted by it."""
    return {name: list(same) for name, same in groupby(sorted(cells, key=key), key)}


def overview(
    title: str, axis: Mapping[str, Sequence[GridCell]], href: Callable[[str], str]
) -> Listing:
    """Return a line for each target or subject; ``href``: the address of its page."""
    rows = []
    for name, cells in axis.items():
        surprises = [c for c in cells if c.verdict is not Verdict.AS_EXPECTED]
        glyph, _ = glyph_of((surprises or cells)[0], plain=False)
        rows.append(
            SiteRow(
                name=visible(name),
                href=href(name),
                words=subject_badge(name, cells).message
                + (f", {len(surprises)} not as expected" if surprises else ""),
                glyph=glyph,
                outcome=(surprises or cells)[0].outcome or "",
                loud=bool(surprises),
            )
        )
    return Listing(title=title, parts=(SiteSection(heading="In the latest run", rows=tuple(rows)),))


def cell_listing(
    name: str, cells: Iterable[GridCell], other: Key, href: Callable[[str], str]
) -> Listing:
    """Return a line for each cell of one target or subject; ``href``: the address of a cell."""
    ordered = sorted(cells, key=lambda cell: cell.verdict is Verdict.AS_EXPECTED)
    badge = subject_badge(name, ordered)
    parts = tuple(
        SiteSection(heading=heading, rows=tuple(cell_row(c, other(c), href) for c in same))
        for heading, same in (
            ("Not as expected", [c for c in ordered if c.verdict is not Verdict.AS_EXPECTED]),
            ("As expected", [c for c in ordered if c.verdict is Verdict.AS_EXPECTED]),
        )
    )
    return Listing(title=visible(name), subtitle=badge.message, parts=parts)


def cell_row(cell: GridCell, name: str, href: Callable[[str], str]) -> SiteRow:
    """Return the line of a cell: outcome, cause, expectation, and why."""
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
        href=href(cell.cell.id),
        words=visible(words),
        glyph=glyph,
        outcome=cell.outcome or "",
        loud=cell.verdict in (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS),
        detail=cut(evidence_line(detail), EVIDENCE_COLUMNS),
    )


def change_row(change: CellChange, href: Callable[[str], str]) -> SiteRow:
    """Return the line of a changed cell: what it was, what it is, what else changed."""
    sides = [str(side.outcome or "not run") if side else "" for side in (change.base, change.now)]
    glyph, _ = glyph_of(change.seen, plain=False)
    return SiteRow(
        name=visible(change.id),
        href=href(change.id),
        words=f"{change.change}: {' → '.join(sides)}",
        glyph=glyph,
        outcome=change.seen.outcome or "",
        loud=change.seen.verdict is Verdict.UNEXPECTED,
        detail=visible("; ".join(f"{d.aspect}: {d.base} → {d.now}" for d in change.differences)),
    )


def listing_page(listing: Listing, links: Sequence[Link]) -> str:
    """Return the HTML page of a listing; ``links``: the other pages."""
    style = (ASSETS / "page.css").read_text("utf-8") + outcome_style()
    return (
        open_templates()
        .get_template("listing.html")
        .render(
            listing=listing,
            links=links,
            style=Markup(style),  # noqa: S704 - files of this package
            csp=security_header(style, ""),
        )
    )
