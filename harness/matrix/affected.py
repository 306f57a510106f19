"""Find the cells that a change to this project affects. Pure.

Matrices are compared by value: a new title or a moved line affects no cell. Code that results
depend on affects every cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from harness.core.cells import Cell, Matrix, Outcome
from harness.core.subjects import Builder, FixtureSource, IndexSource
from harness.core.targets import Target
from harness.matrix.plan import all_cells

NOT_DECIDING = frozenset(
    {
        "__main__",
        "app.adhoc",
        "app.dependency_request",
        "app.index_renewal",
        "app.package_renewal",
        "app.policy_impact",
        "app.remedy",
        "app.requested",
        "bench",
        "cli",
        "console_script",
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
"""Rooms and modules below ``harness/`` that select or report cells but do not affect results."""
BUILT_WITH = "pyproject.toml"
"""Declares the harness's dependencies, such as the compiler and the ELF reader."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """A change to the checkout."""

    paths: frozenset[str]
    """Changed files, relative to the checkout: ``fixtures/plain/setup.py``."""
    before: Matrix | None
    """The matrix before the change; None if it cannot be read."""
    repinned: frozenset[IndexSource] = frozenset()
    """Releases whose pinned wheels changed."""
    relocked: frozenset[str] = frozenset()
    """Target keys and builder ids whose locked Debian packages changed."""
    resolved_anew: frozenset[str] = frozenset()
    """Ids of subjects whose pinned dependencies changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _CellDefinition:
    """Everything in the matrix that affects a cell's result."""

    cell: Cell
    builder: Builder | None
    expected: frozenset[tuple[Outcome, str, bool]]
    """Outcome and cause of its expectations, and whether each applies by its cause."""


def affects_all(edit: Edit) -> bool:
    """Return whether the change may affect every cell."""
    return edit.before is None or any(map(_decides, edit.paths))


def affected_cells(cells: Sequence[Cell], matrix: Matrix, edit: Edit) -> tuple[Cell, ...]:
    """Return those of ``cells``, from ``matrix``, whose results may change."""
    if edit.before is None or affects_all(edit):
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
        or cell.subject.id in edit.resolved_anew
        or not edit.repinned.isdisjoint(_releases(matrix, cell))
        or not edit.relocked.isdisjoint(_makers(matrix, cell))
    )


def _decides(path: str) -> bool:
    """Return whether the file may affect the result of any cell."""
    file = PurePosixPath(path)
    if path == BUILT_WITH:
        return True
    if file.parts[0] != "harness" or len(file.parts) == 1 or path.endswith((".md", ".schema.json")):
        return False
    module = ".".join((*file.parts[1:-1], file.stem))
    return not any(f"{module}.".startswith(f"{name}.") for name in NOT_DECIDING)


def _project(path: str) -> str:
    """Return the fixture project that the file belongs to, or an empty string."""
    parts = PurePosixPath(path).parts
    return parts[1] if parts[0] == "fixtures" and len(parts) > 2 else ""  # noqa: PLR2004


def _makers(matrix: Matrix, cell: Cell) -> set[str]:
    builder = _builder(matrix, cell)
    return {cell.target.key, *((builder.id,) if builder else ())}


def _definition(matrix: Matrix, cell: Cell) -> _CellDefinition:
    named = (cell.expectation,) if cell.expectation else ()
    return _CellDefinition(
        cell=Cell(target=replace(cell.target, title=""), subject=replace(cell.subject, group="")),
        builder=_builder(matrix, cell),
        expected=frozenset((e.outcome, e.cause, not e.subject) for e in (*named, *cell.by_cause)),
    )


def _builder(matrix: Matrix, cell: Cell) -> Builder | None:
    source = cell.subject.source
    return matrix.builder(source.builder) if isinstance(source, FixtureSource) else None


def _releases(matrix: Matrix, cell: Cell) -> set[IndexSource]:
    """Return the index releases that the cell's image, wheel and companions come from."""
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
