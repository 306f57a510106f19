"""Render remedies and their effects on targets."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from harness.predict.remedies import Proposal, RemedyEffect
from harness.report.console import Console, Table, encoding_of, say
from harness.report.glyphs import count_cells
from harness.report.table import render_table
from harness.report.target_list import folded
from harness.report.untrusted import visible
from harness.results.grid import Grid

SIMULATED = (
    "at install: simulated by a wheel with the file names that the installer would create, "
    "with copies instead of links"
)
_KIB = 1024


def print_effects(effects: Sequence[RemedyEffect], proposal: Proposal, console: Console) -> None:
    """Print the remedies, best first, the targets that they change, and impossible remedies."""
    if effects:
        console.print(_table(effects))
    for line in _lines(effects, proposal):
        say(line, console)


def print_trial(grid: Grid, console: Console) -> None:
    """Print the grid of the trial run."""
    plain = encoding_of(console) == "ascii"
    lines = render_table(grid, width=console.width, plain=plain)
    legend = Text("   ").join(count_cells(grid.cells, plain=plain))
    say(Text("\n").join([*lines, Text(), legend, Text()]), console)


def _table(effects: Sequence[RemedyEffect]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("remedy", "fixed", "broken", "run", "bytes", "catch"):
        number = heading not in ("remedy", "catch")
        table.add_column(heading, justify="right" if number else "left", no_wrap=heading != "catch")
    for effect in effects:
        changed = len(effect.fixed) + len(effect.broken)
        table.add_row(
            effect.remedy.name,
            Text(str(len(effect.fixed)), style="green" if effect.fixed else ""),
            Text(str(len(effect.broken)), style="red" if effect.broken else ""),
            f"{effect.run}/{changed}",
            _signed(effect.added) if effect.remedy.variant else "at install",
            effect.remedy.catch,
        )
    return table


def _lines(effects: Sequence[RemedyEffect], proposal: Proposal) -> Iterator[str]:
    for word in ("fixed", "broken"):
        sets: dict[tuple[str, ...], list[str]] = {}
        for effect in effects:
            if keys := getattr(effect, word):
                sets.setdefault(keys, []).append(effect.remedy.name)
        for keys, names in sets.items():
            yield f"{word} by {', '.join(names)}: {folded(keys)}"
    if any(not effect.remedy.variant for effect in effects):
        yield SIMULATED
    for name, reason in proposal.impossible:
        yield f"not possible: {name}: {visible(reason)}"


def _signed(count: int) -> str:
    return f"{count:+d} B" if abs(count) < _KIB else f"{count / _KIB:+.0f} KiB"
