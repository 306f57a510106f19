"""Which cells a change to this project touches: files and two matrices in, cells out. Pure.

A matrix is compared by its values: a reworded title or a moved line touches nothing. Code that a
result depends on touches every cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from harness.core.cells import Cell, Matrix, Outcome
from harness.core.subjects import Builder, FixtureSource, IndexSource
from harness.core.targets import Target
from harness.matrix.plan import all_cells

TELLING = frozenset(
    {
        "__main__",
        "app.adhoc",
        "app.package_renewal",
        "app.policy_impact",
        "app.remedy",
        "app.requested",
        "bench",
        "cli",
        "matrix.affected",
        "matrix.checkout",
        "matrix.package_sets",
        "matrix.pin_renewal",
        "matrix.pins",
        "matrix.shards",
        "passports.recording",
        "predict.batch",
        "predict.policy_effects",
        "predict.remedies",
        "report",
        "results.choice",
        "results.compare",
        "results.differences",
        "results.gate",
        "results.past",
        "results.query",
        "results.runfile",
    }
)
"""Rooms and modules below ``harness/`` that choose cells or tell of them, and decide none."""
BUILT_WITH = "pyproject.toml"
"""The harness's own dependencies: the compiler, the reader of ELF files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """What a change did."""

    paths: frozenset[str]
    """Files that differ, from the top of the checkout: ``fixtures/plain/setup.py``."""
    before: Matrix | None
    """The matrix as it was; None where it cannot be read any more."""
    repinned: frozenset[IndexSource] = frozenset()
    """Releases of which other wheels are pinned than before."""
    relocked: frozenset[str] = frozenset()
    """Keys of targets and ids of builders whose packages of Debian are other ones than before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _CellDefinition:
    """All that the matrix says of how a cell comes out."""

    cell: Cell
    builder: Builder | None
    outcome: Outcome
    cause: str


def touches_all(edit: Edit) -> bool:
    """Say whether every cell may come out otherwise than before."""
    return edit.before is None or any(map(_decides, edit.paths))


def touched_cells(cells: Sequence[Cell], matrix: Matrix, edit: Edit) -> tuple[Cell, ...]:
    """Return those of ``cells``, which are of ``matrix``, that may come out otherwise."""
    if edit.before is None or touches_all(edit):
        return tuple(cells)
    before = {cell.id: _definition(edit.before, cell) for cell in all_cells(edit.before)}
    projects = {_project(path) for path in edit.paths}
    return tuple(
        cell
        for cell in cells
        if before.get(cell.id) != _definition(matrix, cell)
        or (
            isinstance(cell.subject.source, FixtureSource)
            and cell.subject.source.project in projects
        )
        or not edit.repinned.isdisjoint(_releases(matrix, cell))
        or not edit.relocked.isdisjoint(_makers(matrix, cell))
    )


def _decides(path: str) -> bool:
    """Say whether the file may decide how any cell comes out."""
    file = PurePosixPath(path)
    if path == BUILT_WITH:
        return True
    if file.parts[0] != "harness" or len(file.parts) == 1 or path.endswith((".md", ".schema.json")):
        return False
    module = ".".join((*file.parts[1:-1], file.stem))
    return not any(f"{module}.".startswith(f"{name}.") for name in TELLING)


def _project(path: str) -> str:
    """Return the fixture project that the file is of, or nothing."""
    parts = PurePosixPath(path).parts
    return parts[1] if parts[0] == "fixtures" and len(parts) > 2 else ""  # noqa: PLR2004


def _makers(matrix: Matrix, cell: Cell) -> set[str]:
    """Return the target's key and the builder's id: what image and wheel are made by."""
    builder = _builder(matrix, cell)
    return {cell.target.key, *((builder.id,) if builder else ())}


def _definition(matrix: Matrix, cell: Cell) -> _CellDefinition:
    expected = cell.expectation
    return _CellDefinition(
        cell=Cell(target=replace(cell.target, title=""), subject=replace(cell.subject, group="")),
        builder=_builder(matrix, cell),
        outcome=expected.outcome if expected else Outcome.PASS,
        cause=expected.cause if expected else "",
    )


def _builder(matrix: Matrix, cell: Cell) -> Builder | None:
    source = cell.subject.source
    return matrix.builder(source.builder) if isinstance(source, FixtureSource) else None


def _releases(matrix: Matrix, cell: Cell) -> set[IndexSource]:
    """Return the releases that the cell's image, wheel and companions are made of."""
    source, builder = cell.subject.source, _builder(matrix, cell)
    own = {source} if isinstance(source, IndexSource) else set()
    return {
        *own,
        *cell.subject.companions,
        *(builder.requires if builder else ()),
        *_pip(cell.target),
    }


def _pip(target: Target) -> set[IndexSource]:
    replica = target.replica
    return {IndexSource(name="pip", version=replica.pip)} if replica else set()
