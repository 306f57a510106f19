"""What a plan and the wheels that are for nobody look like."""

import json

from harness.report.planned import cells_json, format_not_applicable
from harness.results.grid import Grid


def test_targets_are_named_once() -> None:
    """A wheel's line per reason names each target with its arches."""
    keys = ["debian-12/i686", "debian-12/s390x", "debian-13/i686"]
    assert format_not_applicable({("x-1.0", "built for x86_64"): keys}) == (
        "x-1.0 not applicable, built for x86_64: debian-12/{i686,s390x} debian-13/i686\n"
    )


def test_cells_as_json(grid: Grid) -> None:
    """Every cell is a line of its own, with what is expected of it."""
    lines = cells_json([cell.cell for cell in grid.cells]).splitlines()
    cells = [json.loads(line) for line in lines]
    assert [cell["id"] for cell in cells] == [cell.cell.id for cell in grid.cells]
    assert {cell["expected"] for cell in cells} == {"pass", "crashed", "timeout"}
