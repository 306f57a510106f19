"""The release gate: compare new wheels with released ones in one grid. Pure.

Both are subjects of one run, so that everything else is equal. A platform that loses its wheel is
reported by arch, because its users would fall back to the sdist.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from harness.core.cells import Outcome
from harness.core.errors import ExitCode, UsageError
from harness.core.subjects import FileSource, IndexSource, Subject
from harness.results.compare import CellChange, ChangeKind, Comparison, compare_grids
from harness.results.grid import Grid, Verdict, exit_code


@dataclass(frozen=True, kw_only=True, slots=True)
class GatePair:
    """A new release and the released one that it is compared with."""

    new: Subject
    base: Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class LostPlatform:
    """A platform where the released wheel works and the new release has no wheel."""

    arch: str
    libc: str
    base: str
    """Id of the released subject."""
    targets: tuple[str, ...]
    """Ids of its targets that lose the wheel."""
    of: int
    """Number of its targets where the released wheel works."""

    def __str__(self) -> str:
        where = "" if len(self.targets) == self.of else f" on {' '.join(self.targets)}"
        return (
            f"{self.arch} ({self.libc}) users would fall back to the sdist{where}: {self.base} has "
            f"a wheel that works on {self.of} targets there, the new one has none for "
            f"{len(self.targets)}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class GateResult:
    """The result of the gate."""

    comparison: Comparison
    """Cells of the new subjects, compared with those of the released ones."""
    lost: tuple[LostPlatform, ...]
    new: Grid
    """The cells of the new wheels only."""
    partial: bool
    """The new wheels are only part of a release, so missing ones are not reported."""

    @property
    def worse(self) -> tuple[CellChange, ...]:
        """Cells that regress unexpectedly; with ``partial``, only those with a wheel."""
        regressed = (c for c in self.comparison.having(ChangeKind.REGRESSED) if _decides(c))
        return tuple(c for c in regressed if not (self.partial and _has_no_wheel(c)))

    def code(self, *, strict: bool) -> ExitCode:
        """Return the exit code: 1 for a regression, or with ``strict`` for any failure."""
        if self.worse or (self.lost and not self.partial):
            return ExitCode.UNEXPECTED
        if strict and (code := exit_code(self.new)):
            return code
        unknown = self.comparison.having(ChangeKind.NOT_COMPARABLE)
        return ExitCode.NOTHING_CAN_BE_SAID if unknown else ExitCode.AS_EXPECTED


def pair_up(new: Sequence[Subject], base: Sequence[Subject]) -> tuple[GatePair, ...]:
    """Return each released subject with the new one of the same project.

    Raises ``UsageError`` if there is not exactly one.
    """
    pairs = []
    for released in base:
        same = [subject for subject in new if project_of(subject) == project_of(released)]
        if len(same) != 1:
            have = " ".join(subject.id for subject in new)
            what = "is not among" if not same else "is more than once among"
            raise UsageError(
                f"--against {released.id}: {project_of(released)} {what} the new wheels: {have}"
            )
        pairs.append(GatePair(new=same[0], base=released))
    return tuple(pairs)


def compare_releases(grid: Grid, pairs: Sequence[GatePair], *, partial: bool = False) -> GateResult:
    """Compare the new wheels of ``pairs`` with the released ones, from one run of both."""
    new = {pair.new.id for pair in pairs}
    now = Grid(cells=tuple(c for c in grid.cells if c.cell.subject.id in new))
    base = _as_new(grid, {pair.base.id: pair.new for pair in pairs})
    released = {pair.new.id: pair.base.id for pair in pairs}
    comparison = compare_grids(base, now)
    bases = {pair.base.id for pair in pairs}
    ours = Grid(cells=tuple(c for c in grid.cells if c.cell.subject.id not in bases))
    return GateResult(
        comparison=comparison, lost=_lost(comparison, released), new=ours, partial=partial
    )


def project_of(subject: Subject) -> str:
    """Return the project name of the subject, as in its id."""
    match subject.source:
        case IndexSource(name=name):
            return name
        case FileSource():
            return str(canonicalize_name(subject.id.rpartition("-")[0]))
        case _:
            return subject.id


def with_distinct_ids(new: Sequence[Subject], base: Sequence[Subject]) -> tuple[Subject, ...]:
    """Return the released subjects; rename those whose id is also a new subject's."""
    taken = {subject.id for subject in new}
    return tuple(
        replace(subject, id=f"{subject.id}-released") if subject.id in taken else subject
        for subject in base
    )


def _as_new(grid: Grid, renamed: Mapping[str, Subject]) -> Grid:
    return Grid(
        cells=tuple(
            replace(c, cell=replace(c.cell, subject=renamed[c.cell.subject.id]))
            for c in grid.cells
            if c.cell.subject.id in renamed
        )
    )


def _lost(comparison: Comparison, released: Mapping[str, str]) -> tuple[LostPlatform, ...]:
    works: dict[tuple[str, str, str], list[CellChange]] = defaultdict(list)
    for change in comparison.changes:
        if change.base and change.base.outcome is Outcome.PASS and _decides(change):
            target = change.base.cell.target
            works[change.base.cell.subject.id, target.arch_name, target.libc].append(change)
    return tuple(
        LostPlatform(
            arch=arch,
            libc=libc,
            base=released[subject],
            targets=tuple(c.seen.cell.target.id for c in there if _has_no_wheel(c)),
            of=len(there),
        )
        for (subject, arch, libc), there in works.items()
        if any(map(_has_no_wheel, there))
    )


def _decides(change: CellChange) -> bool:
    """Return whether a cell counts: its target may not fail and no failure is expected."""
    cell = change.seen
    declared = cell.cell.expectation is not None and cell.verdict is Verdict.AS_EXPECTED
    return not (declared or cell.cell.target.allow_failure)


def _has_no_wheel(change: CellChange) -> bool:
    """Return whether an installer finds no wheel: there is no file, or it refuses all."""
    return change.now is None or change.now.outcome is Outcome.REFUSED
