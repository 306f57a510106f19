"""The cells of a run as one document: the same cells back, and everything in it once."""

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


def test_the_same_cells_come_back() -> None:
    """Order, sources and expectations are as they were."""
    assert load_cells(dump_cells(CELLS)) == CELLS
    assert load_cells(dump_cells(())) == ()


def test_everything_is_in_it_once() -> None:
    """A target of many cells is written once, so that a large plan stays small."""
    document = json.loads(dump_cells(CELLS))
    assert [len(document[part]) for part in ("targets", "subjects", "expectations", "cells")] == [
        2, 2, 1, 4,
    ]  # fmt: skip


def test_the_same_cells_give_the_same_bytes() -> None:
    """Shards are told to be of one plan by these bytes."""
    assert dump_cells(CELLS) == dump_cells(load_cells(dump_cells(CELLS)))
