"""Cells of named targets, for tests of sharding."""

from dataclasses import replace

from harness.core.cells import Cell
from tests.support.cells import make_cell


def cells(*targets: str, subjects: int = 2) -> tuple[Cell, ...]:
    """Return cells of targets by key."""
    made = [make_cell(subject=f"s{number}") for number in range(subjects)]
    pairs = [target.split("/") for target in targets]
    return tuple(
        replace(cell, target=replace(cell.target, id=name, arch_name=arch))
        for name, arch in pairs
        for cell in made
    )
