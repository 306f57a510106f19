"""The history of cells over several runs: earlier results and transitions."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from harness.core.cells import Outcome
from harness.core.passport import Passport
from harness.results.compare import CellChange, ChangeKind, Comparison, compare_grids
from harness.results.runfile import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class PastResult:
    """The result of a cell in an earlier run."""

    when: str
    """UTC, ISO 8601."""
    outcome: Outcome
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunHistory:
    """The history of a run's cells; any field may be empty."""

    base: str = ""
    """Description of the other run of ``comparison``."""
    comparison: Comparison | None = None
    history: Mapping[str, tuple[PastResult, ...]] = field(default_factory=dict)
    """By cell id, oldest first."""
    flaky: frozenset[str] = frozenset()
    """Cells that changed before with no other recorded change."""
    passports: Mapping[str, Passport] = field(default_factory=dict)
    """By target key."""


NO_HISTORY = RunHistory()


Recorded = Callable[[str], Passport | None]
"""Returns the recorded passport of a target key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFacts:
    """Stored facts about cells and targets of the given runs; any field may be empty."""

    passports: Mapping[str, Passport] = field(default_factory=dict)
    """By id."""
    flaky: frozenset[str] = frozenset()
    """Cells that changed before the newest run with no other recorded change."""
    history: Mapping[str, tuple[PastResult, ...]] = field(default_factory=dict)
    """By cell id, oldest first, including the newest run."""
    recorded: Recorded = lambda _: None


NO_STORED_FACTS = StoredFacts()
TRANSITIONS = (ChangeKind.REGRESSED, ChangeKind.FIXED, ChangeKind.CHANGED_CAUSE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A cell that changed between two consecutive runs."""

    when: str
    """Start of the run with the change: UTC, ISO 8601."""
    change: CellChange


def in_order(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return ``runs`` sorted by start time, oldest first."""
    return tuple(sorted(runs, key=lambda run: run.circumstances.started_at))


def past_of(
    run: Run,
    earlier: Sequence[Run] = (),
    *,
    base: Run | None = None,
    known: StoredFacts = NO_STORED_FACTS,
) -> RunHistory:
    """Return the history of ``run`` from ``earlier`` runs, oldest first, and ``known`` facts.

    ``base``: the run to compare with.
    """
    recorded = {target.key: known.recorded(target.key) for target in run.targets}
    history = sightings([*earlier, run]) if earlier else known.history
    cells = frozenset(f"{cell.target}/{cell.subject}" for cell in run.cells)
    return RunHistory(
        base=f"the run of {base.circumstances.started_at[:16].replace('T', ' ')}" if base else "",
        comparison=_compared(base, run, known) if base else None,
        history={cell: seen for cell, seen in history.items() if cell in cells},
        flaky=known.flaky & cells,
        passports={key: passport for key, passport in recorded.items() if passport},
    )


def _compared(base: Run, run: Run, known: StoredFacts) -> Comparison:
    return compare_grids(base.grid, run.grid, passports=known.passports, flaky=known.flaky)


def sightings(runs: Sequence[Run]) -> dict[str, tuple[PastResult, ...]]:
    """Return the results of each cell id in ``runs``, oldest first."""
    seen: dict[str, list[PastResult]] = defaultdict(list)
    for run in runs:
        for cell in run.cells:
            if cell.observation:
                seen[f"{cell.target}/{cell.subject}"].append(
                    PastResult(
                        when=run.circumstances.started_at,
                        outcome=cell.observation.outcome,
                        cause=cell.observation.cause,
                    )
                )
    return {cell: tuple(all_of_it) for cell, all_of_it in seen.items()}


def transitions(runs: Sequence[Run]) -> tuple[Transition, ...]:
    """Return the changes between consecutive ``runs``, which are oldest first; newest first."""
    found = [
        Transition(when=now.circumstances.started_at, change=change)
        for before, now in pairwise(runs)
        for change in compare_grids(before.grid, now.grid).changes
        if change.change in TRANSITIONS
    ]
    return tuple(reversed(found))
