"""Serialize the cells of a run as one JSON document, and read it back. Pure.

The document lists each target, subject and expectation once; a cell refers to them by index.
Expectations by cause are those of the whole document that are for the cell's target.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from harness.core.cells import Cell, Expectation
from harness.core.machines import AnyTarget
from harness.core.subjects import Subject
from harness.matrix.files.unused_entries import meets_target


@dataclass(frozen=True, kw_only=True, slots=True)
class _CellList:
    targets: tuple[AnyTarget, ...]
    subjects: tuple[Subject, ...]
    expectations: tuple[Expectation, ...]
    cells: tuple[tuple[int, int, int | None], ...]


_CELL_LIST: TypeAdapter[_CellList] = TypeAdapter(_CellList)


def dump_cells(cells: Sequence[Cell]) -> bytes:
    """Return the cells as JSON; the same cells in the same order give the same bytes."""
    targets = {cell.target.key: cell.target for cell in cells}
    subjects = {cell.subject.id: cell.subject for cell in cells}
    declared = (e for cell in cells for e in (cell.expectation, *cell.by_cause) if e)
    expectations = dict.fromkeys(declared)
    at_target = {key: number for number, key in enumerate(targets)}
    at_subject = {key: number for number, key in enumerate(subjects)}
    at_expectation = {key: number for number, key in enumerate(expectations)}
    return _CELL_LIST.dump_json(
        _CellList(
            targets=tuple(targets.values()),
            subjects=tuple(subjects.values()),
            expectations=tuple(expectations),
            cells=tuple(
                (
                    at_target[cell.target.key],
                    at_subject[cell.subject.id],
                    at_expectation[cell.expectation] if cell.expectation else None,
                )
                for cell in cells
            ),
        )
    )


def load_cells(document: bytes) -> tuple[Cell, ...]:
    """Return the cells that ``dump_cells`` was given.

    Raises ``pydantic.ValidationError`` or ``IndexError`` for any other document.
    """
    cell_list = _CELL_LIST.validate_json(document)
    cells = []
    for target, subject, named in cell_list.cells:
        at = cell_list.targets[target]
        by_cause = (e for e in cell_list.expectations if not e.subject and meets_target(e, at))
        cells.append(
            Cell(
                target=at,
                subject=cell_list.subjects[subject],
                expectation=None if named is None else cell_list.expectations[named],
                by_cause=tuple(by_cause) if named is None else (),
            )
        )
    return tuple(cells)
