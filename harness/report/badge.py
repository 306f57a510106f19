"""``badge.svg``: the cells of one subject in, a picture of one line out."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.cells import Outcome
from harness.report.html import open_templates
from harness.report.untrusted import visible
from harness.results.grid import GridCell, Verdict

GOOD, BAD, UNKNOWN = "#00694c", "#a63f00", "#59636e"
LETTER = 6.7
"""Pixels that a letter takes at 11 px, on average."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Badge:
    """A label, what is said of it, and the colour of that."""

    label: str
    message: str
    colour: str


def judge_subject(subject: str, cells: Sequence[GridCell]) -> Badge:
    """Say on how many targets ``subject`` works; a miss counts for nothing.

    A refusal counts as not working: who installs it there gets no wheel.
    """
    seen = [c for c in cells if c.outcome not in (None, Outcome.MISS)]
    if not seen:
        return Badge(label=subject, message="not known", colour=UNKNOWN)
    works = sum(c.outcome is Outcome.PASS for c in seen)
    surprises = any(c.verdict is Verdict.UNEXPECTED and c.fails for c in seen)
    message = f"works on {works}/{len(seen)}"
    return Badge(label=subject, message=message, colour=BAD if surprises else GOOD)


def badge_svg(badge: Badge) -> str:
    """Return the picture, as wide as its words are."""
    label, message = visible(badge.label), visible(badge.message)
    left, right = (round(len(text) * LETTER + 14) for text in (label, message))
    template = open_templates().get_template("badge.svg")
    return template.render(label=label, message=message, left=left, right=right, hue=badge.colour)
