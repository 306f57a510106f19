"""Render the causes of failures and the disagreements with predictions."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from rich.text import Text

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.observations import Observation, Prediction
from harness.report.evidence import indented
from harness.report.glyphs import DISAGREES, expected_glyph
from harness.results.grid import Agreement, Grid, GridCell

MOST_CAUSES = 12
EXPLAIN = "wheelgrid explain CAUSE"
"""The command that prints a cause's page of the guide."""
_HELD = re.compile(r"\.(?P<python>cpython-\d+[a-z]*|abi3t?)-(?P<triplet>[\w-]+)\.so$")
_READ = re.compile(r"\.cpython-\d+[a-z]*-(?P<triplet>[\w-]+)\.so")


def render_causes(grid: Grid, *, width: int | None, encoding: str) -> list[Text]:
    """Return a line per cause with the number of its cells, most frequent first."""
    counts = Counter(
        _words(seen)
        for cell in grid.cells
        if (seen := cell.observation) and seen.cause and seen.outcome is not Outcome.PASS
    )
    if not counts:
        return []
    lines = [Text(), Text("causes", style="bold")]
    for words, count in counts.most_common(MOST_CAUSES):
        lines += indented(f"{count} {_cells(count)}: {words}", 2, width, encoding)
    if (left := len(counts) - MOST_CAUSES) > 0:
        lines.append(Text(f"  and {left} more"))
    hint = indented(f"`{EXPLAIN}` shows what it means, and what to do", 2, width, encoding)
    return [*lines, *(Text(line.plain, style="dim") for line in hint)]


def render_agreement(grid: Grid, *, width: int | None, encoding: str) -> list[Text]:
    """Return each cell whose prediction and observation differ, then the known limits."""
    disagreeing = [cell for cell in grid.cells if cell.agreement is Agreement.DISAGREES]
    limits = Counter(c.limit for c in grid.cells if c.agreement is Agreement.LIMIT)
    lines: list[Text] = []
    if disagreeing:
        lines += [Text(), Text("prediction and observation disagree", style="bold")]
        lines += _disagreements(disagreeing, width=width, encoding=encoding)
    if limits:
        lines += [Text(), Text("known limits of predictions", style="bold")]
        for limit, count in limits.items():
            line = f"{count} {_cells(count)}: {limit.reason if limit else ''}"
            lines += indented(line, 2, width, encoding)
    return lines


def count_agreement(cells: Iterable[GridCell]) -> str:
    """Return ``40 of 44 as predicted, 1 not as predicted``; empty if there are no predictions."""
    counts = Counter(cell.agreement for cell in cells)
    made = sum(counts.values()) - counts[Agreement.UNKNOWN]
    words = [f"{counts[Agreement.AGREES]} of {made} as predicted"]
    if counts[Agreement.LIMIT]:
        words.append(f"{counts[Agreement.LIMIT]} beyond a known limit")
    if counts[Agreement.DISAGREES]:
        words.append(f"{counts[Agreement.DISAGREES]} not as predicted")
    return ", ".join(words) if made else ""


def shared_detail(prediction: Prediction) -> str:
    """Return a detail that cells of one cause share on every arch, or an empty string.

    ``-gnu on targets that read only -musl``.
    """
    held, read = _HELD.search(prediction.file), _READ.findall(prediction.evidence)
    if prediction.cause != Cause.SUFFIX_MISMATCH or held is None or not read:
        return ""
    here = [triplet for triplet in dict.fromkeys(read) if triplet != held["triplet"]]
    if not here:  # only the Python differs
        return f"{held['python']} names on targets that do not read them"
    ends = {_end(triplet) for triplet in here}
    if _end(held["triplet"]) not in ends:
        return f"{_end(held['triplet'])} on targets that read only {' and '.join(sorted(ends))}"
    return f"{held['triplet']} on targets that read only {' and '.join(here)}"


def _end(triplet: str) -> str:
    """Return the part of a triplet after the architecture: ``-gnu``, ``-musleabihf``."""
    return "-" + triplet.rpartition("-")[2]


def _words(seen: Observation) -> str:
    predicted = seen.prediction
    more = shared_detail(predicted) if predicted and predicted.cause == seen.cause else ""
    return f"{seen.cause} {more}".rstrip()


def _disagreements(
    cells: Iterable[GridCell], *, width: int | None, encoding: str
) -> Iterator[Text]:
    mark = expected_glyph(DISAGREES, plain=encoding == "ascii")
    for cell in cells:
        seen = cell.observation
        if seen is not None and seen.prediction is not None:
            predicted = seen.prediction
            what = f"{predicted.outcome} {predicted.cause}".rstrip()
            line = f"{cell.cell.id}  predicted {what}, seen {seen.outcome}"
            first, *others = indented(line, 2, width, encoding)
            yield Text.assemble((mark, DISAGREES.style), first[1:])
            yield from others
            for evidence in (predicted.evidence, seen.evidence):
                yield from indented(evidence, 4, width, encoding)


def _cells(count: int) -> str:
    return "cell" if count == 1 else "cells"
