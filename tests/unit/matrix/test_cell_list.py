"""The JSON document of a run's cells."""

import json
from dataclasses import replace

from harness.core.cells import Cell, Outcome
from harness.matrix.cell_list import dump_cells, load_cells
from tests.support.cells import FILE, INDEX, by_cause, expect, make_cell

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


def test_expectations_by_cause_are_kept() -> None:
    """They are those of the document that are for the cell's target."""
    here, elsewhere = by_cause("a"), replace(by_cause("a"), target="nowhere")
    cells = (
        make_cell(subject="one", by_cause=(here, by_cause("b"))),
        make_cell(subject="two", expectation=expect(Outcome.CRASHED)),
    )
    assert load_cells(dump_cells(cells)) == cells
    document = json.loads(dump_cells(cells))
    document["expectations"].append({**document["expectations"][0], "target": elsewhere.target})
    assert load_cells(json.dumps(document).encode()) == cells


def test_targets_and_subjects_are_listed_once() -> None:
    """A large plan stays small."""
    document = json.loads(dump_cells(CELLS))
    assert [len(document[part]) for part in ("targets", "subjects", "expectations", "cells")] == [
        2, 2, 1, 4,
    ]  # fmt: skip


def test_the_same_cells_give_the_same_bytes() -> None:
    """Shards of one plan are recognized by these bytes."""
    assert dump_cells(CELLS) == dump_cells(load_cells(dump_cells(CELLS)))
