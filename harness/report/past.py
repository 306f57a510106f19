"""What runs say about time: runs in, sightings and transitions of their cells out."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.compare import CellChange, Change, compare_grids
from harness.passport import Passport
from harness.report.pagedata import Past, Sighting
from harness.report.runfile import Run

Recorded = Callable[[str], Passport | None]
"""A target's key → the passport that was recorded of it."""
TRANSITIONS = (Change.REGRESSED, Change.FIXED, Change.CHANGED_CAUSE)


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
    recorded: Recorded = lambda _: None,
) -> Past:
    """Return what ``earlier`` runs, oldest first, know of the cells of ``run``.

    ``base``: what it is compared with. ``recorded`` has passports by target key.
    """
    known = {target.key: recorded(target.key) for target in run.targets}
    return Past(
        base=f"the run of {base.circumstances.started_at[:16].replace('T', ' ')}" if base else "",
        comparison=compare_grids(base.grid, run.grid) if base else None,
        history=sightings([*earlier, run]) if earlier else {},
        passports={key: passport for key, passport in known.items() if passport},
    )


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
