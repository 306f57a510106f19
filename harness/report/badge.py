"""Render the results of one subject as ``badge.svg``."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.cells import Outcome
from harness.report.html import open_templates
from harness.report.untrusted import visible
from harness.results.grid import GridCell, Verdict

GOOD, BAD, UNKNOWN = "#00694c", "#a63f00", "#59636e"
LETTER = 6.7
"""Average width of a letter at 11 px, in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Badge:
    """A label, a message and the colour of the message."""

    label: str
    message: str
    colour: str


class Standing(StrEnum):
    """What the cells of one subject say together."""

    WORKS = "works"
    """It passes wherever an installer takes it."""
    FAILS = "fails"
    """It fails on at least one target, declared or not."""
    UNKNOWN = "unknown"
    """A target says nothing, or none takes it."""


_NO_FAILURE = frozenset({Outcome.PASS, Outcome.REFUSED, Outcome.MISS, None})
_COLOURS = {Standing.WORKS: GOOD, Standing.FAILS: BAD, Standing.UNKNOWN: UNKNOWN}


def standing_of(cells: Sequence[GridCell]) -> Standing:
    """Return the standing of one subject: a failed target outweighs one that says nothing."""
    outcomes = {cell.outcome for cell in cells}
    if outcomes - _NO_FAILURE or any(cell.verdict is Verdict.UNEXPECTED for cell in cells):
        return Standing.FAILS
    silent = not outcomes or outcomes & {Outcome.MISS, None}
    return Standing.UNKNOWN if silent or Outcome.PASS not in outcomes else Standing.WORKS


def subject_badge(subject: str, cells: Sequence[GridCell]) -> Badge:
    """Return a badge with the number of targets where ``subject`` works; misses are ignored.

    A refusal counts as not working, because an installer gets no wheel there.
    """
    seen = [c for c in cells if c.outcome not in (None, Outcome.MISS)]
    if not seen:
        return Badge(label=subject, message="not known", colour=UNKNOWN)
    works = sum(c.outcome is Outcome.PASS for c in seen)
    message = f"works on {works}/{len(seen)}"
    return Badge(label=subject, message=message, colour=_COLOURS[standing_of(cells)])


def badge_svg(badge: Badge) -> str:
    """Return the SVG, as wide as its text."""
    label, message = visible(badge.label), visible(badge.message)
    left, right = (round(len(text) * LETTER + 14) for text in (label, message))
    template = open_templates().get_template("badge.svg")
    return template.render(label=label, message=message, left=left, right=right, hue=badge.colour)
