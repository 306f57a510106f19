"""Plans, and wheels that fit no target."""

import json

from harness.report.planned import cells_json, format_compiled, format_not_applicable
from harness.results.grid import Grid


def test_targets_are_named_once() -> None:
    """A line per wheel and reason, with the arches of each target."""
    keys = ["debian-12/i686", "debian-12/s390x", "debian-13/i686"]
    assert format_not_applicable({("x-1.0", "built for x86_64"): keys}) == (
        "x-1.0 not applicable, built for x86_64: debian-12/{i686,s390x} debian-13/i686\n"
    )


def test_compiled_targets_are_left_out() -> None:
    """A line with the targets, and one with the reason."""
    assert format_compiled(["a/i686", "a/s390x"], "no compiler; run it") == (
        "left out, because their images are compiled: a/{i686,s390x}\n  no compiler; run it\n"
    )


def test_cells_as_json(grid: Grid) -> None:
    """One line per cell, with the expected outcome."""
    lines = cells_json([cell.cell for cell in grid.cells]).splitlines()
    cells = [json.loads(line) for line in lines]
    assert [cell["id"] for cell in cells] == [cell.cell.id for cell in grid.cells]
    assert {cell["expected"] for cell in cells} == {"pass", "crashed", "timeout"}
