"""Compare a grid with a base grid. Pure.

A cell that is missing, a miss or not believed on either side is no regression. Regressions of many
subjects that share one change of their environment count as one epidemic.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.core.cells import Cell, Outcome
from harness.core.passport import Passport
from harness.results.differences import Difference, differences, environment
from harness.results.grid import Grid, GridCell, Verdict

EPIDEMIC_SUBJECTS = 3
"""Minimum subjects that regress with one change before it counts as an epidemic."""
EPIDEMIC_SHARE = 0.5
"""Minimum share of regressions among the cells that passed before and share the change."""


class ChangeKind(StrEnum):
    """How a cell changed since the base."""

    REGRESSED = "regressed"
    """It passed and now fails, or it was rightly refused and now installs and fails."""
    FIXED = "fixed"
    CHANGED_CAUSE = "changed-cause"
    """It still fails, for another reason."""
    STILL_FAILING = "still-failing"
    NEW = "new"
    GONE = "gone"
    NOT_COMPARABLE = "not-comparable"
    """One side is a miss, was not run, or is of a column that missed a canary."""
    SAME = "same"


@dataclass(frozen=True, kw_only=True, slots=True)
class CellChange:
    """One cell on both sides."""

    change: ChangeKind
    base: GridCell | None
    """None if the base does not have the cell."""
    now: GridCell | None
    differences: tuple[Difference, ...] = ()
    """Other recorded changes between the two sides; filled in if the outcome changed."""
    flaky: bool = False
    """It has changed before with no other recorded change."""

    @property
    def seen(self) -> GridCell:
        """The cell in the newer grid, or in the base if it is gone."""
        cell = self.now or self.base
        if cell is None:
            raise ValueError("a change has at least one side")
        return cell

    @property
    def id(self) -> str:
        return self.seen.cell.id


@dataclass(frozen=True, kw_only=True, slots=True)
class Epidemic:
    """Regressions of many subjects that share one change of their environment."""

    cause: Difference | None
    """None if they share a target where no recorded input changed."""
    where: tuple[str, ...]
    """Keys of the targets."""
    cells: tuple[CellChange, ...]
    exposed: int
    """Number of cells that passed before and share the change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All cells of two grids, in the order of the newer one; gone cells come last."""

    changes: tuple[CellChange, ...]
    epidemics: tuple[Epidemic, ...] = ()

    def having(self, change: ChangeKind) -> tuple[CellChange, ...]:
        return tuple(c for c in self.changes if c.change is change)

    @property
    def regressions(self) -> tuple[CellChange, ...]:
        """Regressions that are neither flaky nor part of an epidemic."""
        counted = {c.id for epidemic in self.epidemics for c in epidemic.cells}
        return tuple(
            c for c in self.having(ChangeKind.REGRESSED) if not c.flaky and c.id not in counted
        )

    @property
    def counts(self) -> Counter[ChangeKind]:
        return Counter(c.change for c in self.changes)

    @property
    def worse(self) -> bool:
        return bool(self.regressions or self.epidemics)


def compare_grids(
    base: Grid,
    now: Grid,
    *,
    passports: Mapping[str, Passport] | None = None,
    flaky: frozenset[str] = frozenset(),
) -> Comparison:
    """Return the change of every cell of either grid.

    ``passports`` by id show what differs between two images; ``flaky`` are ids of cells that
    changed before with no other recorded change.
    """
    before = {c.cell.id: c for c in base.cells}
    pairs = [(before.pop(c.cell.id, None), c) for c in now.cells]
    sides: list[tuple[GridCell | None, GridCell | None]] = [
        *pairs,
        *((gone, None) for gone in before.values()),
    ]
    known = passports or {}
    changes = tuple(_changed(was, seen, known, flaky) for was, seen in sides)
    return Comparison(changes=changes, epidemics=find_epidemics(changes, known))


def regressed_cells(comparison: Comparison) -> tuple[Cell, ...]:
    """Return the regressed cells that are not flaky, as in the newer grid."""
    return tuple(c.seen.cell for c in comparison.having(ChangeKind.REGRESSED) if not c.flaky)


def confirm(
    comparison: Comparison, again: Grid, *, passports: Mapping[str, Passport] | None = None
) -> Comparison:
    """Return the comparison with regressions marked flaky that did not happen ``again``.

    A regression whose second run is a miss stays a regression.
    """
    repeated = {c.cell.id: c for c in again.cells}
    changes = tuple(
        replace(c, flaky=c.flaky or _is_gone(c, repeated[c.id])) if c.id in repeated else c
        for c in comparison.changes
    )
    return Comparison(changes=changes, epidemics=find_epidemics(changes, passports or {}))


def change_of(base: GridCell | None, now: GridCell | None) -> ChangeKind:
    """Return how a cell changed; at least one side is not None."""
    if base is None:
        return ChangeKind.NEW
    if now is None:
        return ChangeKind.GONE
    if not (_says_something(base) and _says_something(now)):
        return ChangeKind.NOT_COMPARABLE
    return _between(base, now)


def find_epidemics(
    changes: Sequence[CellChange], passports: Mapping[str, Passport]
) -> tuple[Epidemic, ...]:
    """Return the epidemics, largest first; a regression is in one of them at most."""
    exposed: dict[_Suspect, list[CellChange]] = defaultdict(list)
    for change in changes:
        for suspect in _suspects(change, passports):
            exposed[suspect].append(change)
    found: list[Epidemic] = []
    counted: set[str] = set()
    for suspect, cells in sorted(exposed.items(), key=_most_flipped):
        flipped = [c for c in cells if c.change is ChangeKind.REGRESSED and not c.flaky]
        uncounted = tuple(c for c in flipped if c.id not in counted)
        if _is_epidemic(uncounted, len(cells)):
            found.append(_epidemic(suspect, uncounted, len(cells)))
            counted.update(c.id for c in uncounted)
    return tuple(found)


_Suspect = tuple[Difference | None, str]
"""A change of the environment on any target, or a target without a recorded change."""


def _changed(
    was: GridCell | None,
    seen: GridCell | None,
    passports: Mapping[str, Passport],
    flaky: frozenset[str],
) -> CellChange:
    change = CellChange(change=change_of(was, seen), base=was, now=seen)
    if change.change not in (ChangeKind.REGRESSED, ChangeKind.FIXED, ChangeKind.CHANGED_CAUSE):
        return change
    return replace(change, differences=_differences(change, passports), flaky=change.id in flaky)


def _is_gone(change: CellChange, again: GridCell) -> bool:
    """Return whether a regression did not happen when the cell ran again."""
    return change.change is ChangeKind.REGRESSED and change_of(change.base, again) not in (
        ChangeKind.REGRESSED,
        ChangeKind.NOT_COMPARABLE,
    )


def _between(base: GridCell, now: GridCell) -> ChangeKind:
    if _rank(now) < _rank(base):
        return ChangeKind.REGRESSED
    if now.outcome is Outcome.PASS:
        return ChangeKind.SAME if base.outcome is Outcome.PASS else ChangeKind.FIXED
    if _reason(base) != _reason(now):
        return ChangeKind.CHANGED_CAUSE
    rightly = now.outcome is Outcome.REFUSED and now.verdict is Verdict.AS_EXPECTED
    return ChangeKind.SAME if rightly else ChangeKind.STILL_FAILING


def _differences(change: CellChange, passports: Mapping[str, Passport]) -> tuple[Difference, ...]:
    was, seen = (side.observation if side else None for side in (change.base, change.now))
    return differences(was, seen, passports) if was and seen else ()


def _suspects(change: CellChange, passports: Mapping[str, Passport]) -> Iterator[_Suspect]:
    """Yield the suspects of a cell that passed before, whether it still passes or not."""
    if change.base is None or change.now is None or change.base.outcome is not Outcome.PASS:
        return
    if change.change is ChangeKind.NOT_COMPARABLE:
        return
    found = change.differences or _differences(change, passports)
    around = environment(found)
    if around is None:
        return  # the wheel changed, which explains the result first
    for difference in around:
        yield difference, ""
    if not around:
        yield None, change.seen.cell.target.key


def _most_flipped(item: tuple[_Suspect, list[CellChange]]) -> tuple[int, int]:
    cells = item[1]
    return -sum(c.change is ChangeKind.REGRESSED for c in cells), len(cells)


def _is_epidemic(cells: Sequence[CellChange], exposed: int) -> bool:
    subjects = {c.seen.cell.subject.id for c in cells}
    return len(subjects) >= EPIDEMIC_SUBJECTS and len(cells) >= EPIDEMIC_SHARE * exposed


def _epidemic(suspect: _Suspect, cells: tuple[CellChange, ...], exposed: int) -> Epidemic:
    where = tuple(dict.fromkeys(c.seen.cell.target.key for c in cells))
    return Epidemic(cause=suspect[0], where=where, cells=cells, exposed=exposed)


def _says_something(cell: GridCell) -> bool:
    return cell.outcome not in (None, Outcome.MISS) and not cell.missed


def _rank(cell: GridCell) -> int:
    return {Outcome.PASS: 2, Outcome.REFUSED: 1}.get(cell.outcome or Outcome.MISS, 0)


def _reason(cell: GridCell) -> tuple[Outcome | None, str]:
    return cell.outcome, cell.observation.cause if cell.observation else ""
