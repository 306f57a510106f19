"""Render a plan as text or JSON."""

import json
from collections.abc import Mapping, Sequence

from rich.text import Text

from harness.core.cells import Cell
from harness.report.console import Console, encoding_of, say, width_of
from harness.report.table import render_table
from harness.report.target_list import folded
from harness.report.untrusted import visible
from harness.results.grid import build_grid


def print_plan(cells: Sequence[Cell], console: Console) -> None:
    """Print the cells as a table of dots, then the expected failures."""
    grid = build_grid(cells, ())
    plain = encoding_of(console) == "ascii"
    lines = render_table(grid, width=width_of(console), plain=plain) if cells else []
    lines.append(Text(f"\n{len(cells)} cells of {len(grid.targets)} targets"))
    for cell in cells:
        if expected := cell.expectation:
            lines.append(Text(f"{cell.id}: {expected.outcome} expected: {expected.reason}"))
    by_cause = dict.fromkeys(e for cell in cells for e in cell.by_cause)
    lines += [Text(f"{e.target}: {e.outcome} expected by {e.cause}: {e.reason}") for e in by_cause]
    say(Text("\n").join(lines), console)


def cells_json(cells: Sequence[Cell]) -> str:
    """Return one JSON object per line: the cell's id, its parts and the expected outcome."""
    return "\n".join(
        json.dumps(
            {
                "id": cell.id,
                "target": cell.target.id,
                "arch": cell.target.arch_name,
                "python": cell.target.python,
                "subject": cell.subject.id,
                "group": cell.subject.group,
                "expected": cell.expectation.outcome if cell.expectation else "pass",
            }
        )
        for cell in cells
    )


def format_not_applicable(found: Mapping[tuple[str, str], Sequence[str]]) -> str:
    """Return a line per wheel and reason with the targets that the wheel does not fit."""
    return "".join(
        f"{visible(subject)} not applicable, {reason}: {folded(targets)}\n"
        for (subject, reason), targets in found.items()
    )


def format_compiled(keys: Sequence[str], why: str) -> str:
    """Return a line with the targets that are left out, and ``why``."""
    return f"left out, because their images are compiled: {folded(keys)}\n  {why}\n"
