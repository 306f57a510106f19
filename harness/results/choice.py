"""Filter a run or a comparison by a query. Pure."""

from dataclasses import replace

from harness.core.errors import UsageError
from harness.results.compare import CellChange, Comparison
from harness.results.query import Query, seen_facts
from harness.results.runfile import Run


def chosen_cells(run: Run, query: Query) -> Run:
    """Return ``run`` with the cells that match ``query``; its exit code stays that of all cells.

    Raises ``UsageError`` if no cell matches.
    """
    kept = tuple(
        record
        for record, cell in zip(run.cells, run.grid.cells, strict=True)
        if query.matches(seen_facts(cell))
    )
    if not kept:
        raise UsageError(f"none of the run's {len(run.cells)} cells matches the query")
    targets, subjects = {c.target for c in kept}, {c.subject for c in kept}
    return replace(
        run,
        cells=kept,
        targets=tuple(target for target in run.targets if target.key in targets),
        subjects=tuple(subject for subject in run.subjects if subject.id in subjects),
    )


def chosen_changes(comparison: Comparison, query: Query) -> Comparison:
    """Return the changes of cells that match ``query`` in the newer run.

    An epidemic remains one even if few of its cells match.
    """
    epidemics = (
        replace(epidemic, cells=_chosen(epidemic.cells, query)) for epidemic in comparison.epidemics
    )
    return Comparison(
        changes=_chosen(comparison.changes, query),
        epidemics=tuple(epidemic for epidemic in epidemics if epidemic.cells),
    )


def _chosen(changes: tuple[CellChange, ...], query: Query) -> tuple[CellChange, ...]:
    return tuple(change for change in changes if query.matches(seen_facts(change.seen)))
