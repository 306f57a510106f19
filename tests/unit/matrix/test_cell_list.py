"""The JSON document of a run's cells."""

import json
from dataclasses import replace

from harness.core.cells import Cell, Outcome
from harness.matrix.cell_list import dump_cells, load_cells
from tests.support.cells import FILE, INDEX, expect, make_cell

TWO = (make_cell(source=FILE, subject="one"), make_cell(source=INDEX, subject="two"))
CELLS: tuple[Cell, ...] = (
    *TWO,
    *(
        replace(
            cell, target=replace(cell.target, id="other"), expectation=expect(Outcome.CRASHED, "a")
        )
        for cell in TWO
    ),
)


def test_round_trip() -> None:
    """Order, sources and expectations are kept."""
    assert load_cells(dump_cells(CELLS)) == CELLS
    assert load_cells(dump_cells(())) == ()


def test_targets_and_subjects_are_listed_once() -> None:
    """A large plan stays small."""
    document = json.loads(dump_cells(CELLS))
    assert [len(document[part]) for part in ("targets", "subjects", "expectations", "cells")] == [
        2, 2, 1, 4,
    ]  # fmt: skip


def test_the_same_cells_give_the_same_bytes() -> None:
    """Shards of one plan are recognized by these bytes."""
    assert dump_cells(CELLS) == dump_cells(load_cells(dump_cells(CELLS)))
