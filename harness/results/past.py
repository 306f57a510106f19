"""What runs say about time: runs in, sightings and transitions of their cells out."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from harness.core.cells import Outcome
from harness.core.passport import Passport
from harness.results.compare import CellChange, ChangeKind, Comparison, compare_grids
from harness.results.runfile import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """What an earlier run saw of a cell."""

    when: str
    """UTC, ISO 8601."""
    outcome: Outcome
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """What is known of a run's cells beside the run itself; any of it may be missing."""

    base: str = ""
    """What the other run of ``comparison`` is called."""
    comparison: Comparison | None = None
    history: Mapping[str, tuple[Sighting, ...]] = field(default_factory=dict)
    """By cell id, oldest first."""
    flaky: frozenset[str] = frozenset()
    """Cells that have changed before with nothing else changing."""
    passports: Mapping[str, Passport] = field(default_factory=dict)
    """By target key."""


NO_PAST = Past()


Recorded = Callable[[str], Passport | None]
"""A target's key → the passport that was recorded of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is kept of cells and targets apart from the runs at hand; any of it may be missing."""

    passports: Mapping[str, Passport] = field(default_factory=dict)
    """By id."""
    flaky: frozenset[str] = frozenset()
    """Cells that changed with nothing else changing, before the run at hand."""
    history: Mapping[str, tuple[Sighting, ...]] = field(default_factory=dict)
    """By cell id, oldest first; the run at hand too."""
    recorded: Recorded = lambda _: None


NOTHING = Known()
TRANSITIONS = (ChangeKind.REGRESSED, ChangeKind.FIXED, ChangeKind.CHANGED_CAUSE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A cell that is not what it was, between two runs in a row."""

    when: str
    """Start of the run that saw it: UTC, ISO 8601."""
    change: CellChange


def in_order(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return ``runs`` by when they started, the oldest first."""
    return tuple(sorted(runs, key=lambda run: run.circumstances.started_at))


def past_of(
    run: Run,
    earlier: Sequence[Run] = (),
    *,
    base: Run | None = None,
    known: Known = NOTHING,
) -> Past:
    """Return what ``earlier`` runs, oldest first, and all that is ``known`` say of ``run``.

    ``base``: what it is compared with.
    """
    recorded = {target.key: known.recorded(target.key) for target in run.targets}
    history = sightings([*earlier, run]) if earlier else known.history
    cells = frozenset(f"{cell.target}/{cell.subject}" for cell in run.cells)
    return Past(
        base=f"the run of {base.circumstances.started_at[:16].replace('T', ' ')}" if base else "",
        comparison=_compared(base, run, known) if base else None,
        history={cell: seen for cell, seen in history.items() if cell in cells},
        flaky=known.flaky & cells,
        passports={key: passport for key, passport in recorded.items() if passport},
    )


def _compared(base: Run, run: Run, known: Known) -> Comparison:
    return compare_grids(base.grid, run.grid, passports=known.passports, flaky=known.flaky)


def sightings(runs: Sequence[Run]) -> dict[str, tuple[Sighting, ...]]:
    """Return by cell id what each of ``runs``, oldest first, saw of it."""
    seen: dict[str, list[Sighting]] = defaultdict(list)
    for run in runs:
        for cell in run.cells:
            if cell.observation:
                seen[f"{cell.target}/{cell.subject}"].append(
                    Sighting(
                        when=run.circumstances.started_at,
                        outcome=cell.observation.outcome,
                        cause=cell.observation.cause,
                    )
                )
    return {cell: tuple(all_of_it) for cell, all_of_it in seen.items()}


def transitions(runs: Sequence[Run]) -> tuple[Transition, ...]:
    """Return what changed from each of ``runs``, oldest first, to the next; the newest first."""
    found = [
        Transition(when=now.circumstances.started_at, change=change)
        for before, now in pairwise(runs)
        for change in compare_grids(before.grid, now.grid).changes
        if change.change in TRANSITIONS
    ]
    return tuple(reversed(found))
