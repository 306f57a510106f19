"""One glyph and one colour per outcome.

Expected outcomes are small letters, unexpected ones capitals, so that colour is not required. The
colours are Okabe and Ito's palette for colour-blind readers (https://jfly.uni-koeln.de/color/), and
three of Paul Tol's light scheme (https://personal.sron.nl/~pault/).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from harness.core.cells import Outcome
from harness.core.targets import ImageWay
from harness.results.grid import Agreement, GridCell, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Glyph:
    """How one outcome is drawn."""

    expected: str
    unexpected: str
    style: str
    plain: str = ""
    """Replaces ``expected`` on an ASCII terminal."""


GLYPHS: dict[Outcome, Glyph] = {
    Outcome.PASS: Glyph(expected="✓", plain="+", unexpected="P", style="#009E73"),
    Outcome.REFUSED: Glyph(expected="\N{EN DASH}", plain="-", unexpected="R", style="bright_black"),
    Outcome.INSTALL_FAILED: Glyph(expected="n", unexpected="N", style="#F0E442"),
    Outcome.IMPORT_FAILED: Glyph(expected="i", unexpected="I", style="#D55E00"),
    Outcome.CALL_FAILED: Glyph(expected="c", unexpected="C", style="#E69F00"),
    Outcome.LOAD_FAILED: Glyph(expected="l", unexpected="L", style="#EE8866"),
    Outcome.START_FAILED: Glyph(expected="s", unexpected="S", style="#FFAABB"),
    Outcome.TEST_FAILED: Glyph(expected="f", unexpected="F", style="#AAAA00"),
    Outcome.CRASHED: Glyph(expected="x", unexpected="X", style="#CC79A7"),
    Outcome.TIMEOUT: Glyph(expected="t", unexpected="T", style="#56B4E9"),
    Outcome.MISS: Glyph(expected="?", unexpected="?", style="#0072B2"),
}
NOT_RUN = Glyph(expected="·", plain=".", unexpected="·", style="bright_black")

DISAGREES = Glyph(expected="≠", plain="#", unexpected="≠", style="bold #F0E442")
"""Prediction and observation differ."""

WAY_LETTERS = {ImageWay.REGISTRY: "R", ImageWay.ASSEMBLED: "A", ImageWay.REPLICA: "X"}
"""A replica is X, so that it is not mistaken for a registry image."""

LENIENT, DOUBTED = "*", "!"
"""Marks of a target that may fail, and of one that missed a canary."""

ARCH_LETTERS = {
    "x86_64": "x",
    "i686": "i",
    "aarch64": "a",
    "armv7l": "v",
    "ppc64le": "p",
    "s390x": "s",
    "riscv64": "r",
}
"""The name of an architecture in a narrow grid, in the order of the legend. They are not in the
table of ``core.arches``, because cached interpreters and wheels depend on its code."""


def glyph_of(cell: GridCell, *, plain: bool) -> tuple[str, str]:
    """Return the character of a cell and its rich style."""
    glyph = GLYPHS[cell.outcome] if cell.outcome else NOT_RUN
    if cell.verdict in (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS):
        return glyph.unexpected, f"bold reverse {glyph.style}"
    if cell.agreement is Agreement.DISAGREES:
        return expected_glyph(DISAGREES, plain=plain), DISAGREES.style
    if cell.verdict is Verdict.MISS:
        return glyph.expected, f"bold {glyph.style}"
    return expected_glyph(glyph, plain=plain), glyph.style


def expected_glyph(glyph: Glyph, *, plain: bool) -> str:
    """Return the character of an expected outcome; ``plain``: in ASCII."""
    return glyph.plain if plain and glyph.plain else glyph.expected


def count_cells(cells: Iterable[GridCell], *, plain: bool) -> list[Text]:
    """Return ``glyph number words`` per kind of cell, as counts and legend."""
    kinds: dict[str, list[GridCell]] = {}
    for cell in cells:
        kinds.setdefault(_words(cell), []).append(cell)
    return [
        Text.assemble(glyph_of(same[0], plain=plain), f" {len(same)} {words}")
        for words, same in sorted(kinds.items(), key=lambda kind: min(map(_rank, kind[1])))
    ]


def _words(cell: GridCell) -> str:
    outcome = str(cell.outcome or "not run")
    match cell.verdict:
        case Verdict.UNEXPECTED | Verdict.UNEXPECTED_PASS:
            return f"{outcome} (unexpected)"
        case _ if cell.agreement is Agreement.DISAGREES:
            return f"{outcome} (not as predicted)"
        case Verdict.AS_EXPECTED if cell.cell.expectation:
            return f"{outcome} (expected)"
        case _:
            return outcome


_VERDICTS = {verdict: rank for rank, verdict in enumerate(Verdict)}
_OUTCOMES = {outcome: rank for rank, outcome in enumerate(Outcome)}


def _rank(cell: GridCell) -> tuple[int, int]:
    return _VERDICTS[cell.verdict], _OUTCOMES[cell.outcome] if cell.outcome else 0
