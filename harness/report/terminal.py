"""Render a grid for a terminal of a given width and encoding."""

from collections import Counter
from collections.abc import Iterator

from rich.text import Text

from harness.core.targets import ImageWay
from harness.report.canary_lines import doubted_lines
from harness.report.causes import count_agreement, render_agreement, render_causes
from harness.report.console import Console, encoding_of, say, width_of
from harness.report.defects import render_defects
from harness.report.findings import render_findings
from harness.report.glyphs import DOUBTED, LENIENT, WAY_LETTERS, count_cells
from harness.report.table import flow, render_table
from harness.results.grid import Grid, Verdict


def render_grid(
    grid: Grid, *, width: int | None, encoding: str = "utf-8", interrupted: bool = False
) -> Text:
    """Return the table, its legend with counts, and a line for every cell that did not pass.

    ``width`` in terminal columns; None is no limit, and nothing is cut. Text from wheels is
    escaped and never markup.
    """
    plain = encoding == "ascii"
    lines = [
        *render_table(grid, width=width, plain=plain),
        Text(),
        *_legend(grid, width=width, plain=plain),
        *_doubted(grid),
        *render_findings(grid, width=width, encoding=encoding),
        *render_defects(grid, width=width, encoding=encoding),
        *render_causes(grid, width=width, encoding=encoding),
        *render_agreement(grid, width=width, encoding=encoding),
        Text(),
        _ending(grid, interrupted=interrupted),
    ]
    return Text("\n").join(lines)


def print_grid(grid: Grid, console: Console, *, interrupted: bool = False) -> None:
    """Print ``grid`` in the width and encoding of ``console``."""
    text = render_grid(
        grid, width=width_of(console), encoding=encoding_of(console), interrupted=interrupted
    )
    say(text, console)


def _doubted(grid: Grid) -> Iterator[Text]:
    if lines := doubted_lines(grid):
        yield Text()
        yield Text("not believed", style="bold")
        yield from map(Text, lines)


def _legend(grid: Grid, *, width: int | None, plain: bool) -> Iterator[Text]:
    yield from flow(count_cells(grid.cells, plain=plain), width)
    yield from flow([Text(key, style="dim") for key in key_of(grid)], width)


def key_of(grid: Grid) -> Iterator[str]:
    """Yield the meaning of the letters beside the targets in ``grid``."""
    seen = {
        c.observation.provenance.image.way
        for c in grid.cells
        if c.observation and c.observation.provenance.image
    }
    for way in ImageWay:
        if way in seen:
            yield f"{WAY_LETTERS[way]} {_WAYS[way]}"
    if any(target.allow_failure for target in grid.targets):
        yield f"{LENIENT} may fail"
    if grid.missed_canaries:
        yield f"{DOUBTED} missed a canary: not believed"
    if any(c.verdict in (Verdict.UNEXPECTED, Verdict.UNEXPECTED_PASS) for c in grid.cells):
        yield "CAPITALS in the table: unexpected"


_WAYS = {
    ImageWay.REGISTRY: "image pulled from a registry",
    ImageWay.ASSEMBLED: "image assembled from packages",
    ImageWay.REPLICA: "replica",
}


def _ending(grid: Grid, *, interrupted: bool) -> Text:
    counts = Counter(cell.verdict for cell in grid.cells)
    unexpected = counts[Verdict.UNEXPECTED] + counts[Verdict.UNEXPECTED_PASS]
    others = {
        "unexpected": unexpected,
        "missed": counts[Verdict.MISS],
        "not run": counts[Verdict.NOT_RUN],
        "columns not believed": len(grid.missed_canaries),
    }
    total = f"{counts[Verdict.AS_EXPECTED]} of {len(grid.cells)} cells as expected"
    parts = [total, *(f"{count} {words}" for words, count in others.items() if count)]
    if predictions := count_agreement(grid.cells):
        parts.append(predictions)
    return Text(("interrupted: " if interrupted else "") + ", ".join(parts), style="bold")
