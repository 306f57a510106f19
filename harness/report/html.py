"""Render a run as one self-contained HTML page.

The page embeds its styles, script and data, and its Content-Security-Policy allows only this
script. Output of wheels is embedded as JSON and shown as text nodes, never as markup.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report.canary_lines import doubted_lines
from harness.report.glyphs import GLYPHS
from harness.report.grid_table import grid_table
from harness.report.pagedata import page_data
from harness.results.grid import Verdict
from harness.results.past import NO_HISTORY, RunHistory
from harness.results.runfile import Run

ASSETS = Path(__file__).with_name("assets")
SCRIPTS = ("query.js", "cells.js", "grid.js", "panel.js", "stories.js", "main.js")
LIVE_SCRIPT = "live.js"
GREY = "#7d8894"
"""Replaces the terminal's grey."""
DARK_INK = "#0b0e12"
BRIGHT = 0.3
"""Above this luminance (WCAG 2, 0 to 1) dark text has the better contrast."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A link to another page of the site."""

    href: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PageService:
    """What a page has of the service that it comes from."""

    address: Callable[[str], str]
    """Returns the address of the page of a cell."""
    events: str = ""
    """Address of the events of a run in progress, which the page follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Numbers of cells of a run by verdict."""

    total: int
    as_expected: int
    unexpected: int
    missed: int
    not_run: int


def html_page(
    run: Run,
    past: RunHistory = NO_HISTORY,
    *,
    links: Sequence[Link] = (),
    service: PageService | None = None,
) -> str:
    """Return the page of ``run``; ``links``: other pages of a site.

    The page of a service keeps its state in the query of its address, which the service reads too;
    any other page in the fragment.
    """
    events = service.events if service else ""
    style = (ASSETS / "page.css").read_text("utf-8") + outcome_style()
    script = '"use strict";\n' + "".join(
        (ASSETS / name).read_text("utf-8")
        for name in (*SCRIPTS, *((LIVE_SCRIPT,) if events else ()))
    )
    return (
        open_templates()
        .get_template("page.html")
        .render(
            run=run,
            links=links,
            events=events,
            served=service is not None,
            table=grid_table(run.grid, service.address if service else None),
            counts=count_verdicts(run),
            doubted=doubted_lines(run.grid),
            style=Markup(style),  # noqa: S704 - files of this package
            script=Markup(script),  # noqa: S704 - likewise
            data=Markup(page_data(run, past)),  # noqa: S704 - made embeddable there
            csp=security_header(style, script, connect="'self'" if events else ""),
        )
    )


def open_templates() -> Environment:
    """Return the templates of this package, which escape their values."""
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = format_moment
    return environment


def security_header(style: str, script: str, *, connect: str = "") -> str:
    """Return a Content-Security-Policy that allows only this style and script.

    ``connect``: what the script may connect to; nothing by default.
    """
    return (f"connect-src {connect}; " if connect else "") + (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    )


def count_verdicts(run: Run) -> Counts:
    """Return the numbers of cells by verdict."""
    verdicts = Counter(cell.verdict for cell in run.cells)
    return Counts(
        total=len(run.cells),
        as_expected=verdicts[Verdict.AS_EXPECTED],
        unexpected=verdicts[Verdict.UNEXPECTED] + verdicts[Verdict.UNEXPECTED_PASS],
        missed=verdicts[Verdict.MISS],
        not_run=verdicts[Verdict.NOT_RUN],
    )


def format_moment(moment: str) -> str:
    """Return ``21 November 2026, 07:12 UTC`` for an ISO 8601 time; other text unchanged."""
    try:
        return f"{datetime.fromisoformat(moment):%-d %B %Y, %H:%M} UTC"
    except ValueError:
        return moment


def outcome_style() -> str:
    """Return the CSS rules with the colour of each outcome and a legible text colour."""
    rules = []
    for outcome, glyph in GLYPHS.items():
        hue = glyph.style if glyph.style.startswith("#") else GREY
        ink = DARK_INK if luminance(hue) > BRIGHT else "#ffffff"
        rules.append(f".{outcome} {{ --hue: {hue}; --on: {ink}; }}")
    return "\n" + "\n".join(rules) + "\n"


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``, 0 to 1 (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]  # noqa: PLR2004 - WCAG's
    return sum(c * weight for c, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
