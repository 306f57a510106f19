"""The state of a run so far, from the events of its journal (pure)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from harness.core.canary_check import CanaryCheck, latest_checks
from harness.core.cells import Cell
from harness.core.observations import Observation
from harness.core.passport import Passport
from harness.results.grid import Grid, build_grid

ETA_FROM = 0.05
"""Minimum share of finished cells for an estimate of the time left."""


class RunState:
    """Observations, passports and activities of a run; ``seen`` and ``checks`` are from before."""

    def __init__(
        self,
        cells: Sequence[Cell],
        seen: Iterable[Observation] = (),
        checks: Iterable[CanaryCheck] = (),
    ) -> None:
        self.cells = tuple(cells)
        self._checks = list(checks)
        self.activities: dict[str, str] = {}
        """Per busy worker: ``<target>/<arch> activity``, as the journal has it."""
        self.phases: Counter[str] = Counter()
        """Seconds of work per phase."""
        self.passports = dict[str, Passport]()
        """Passports of targets, by id."""
        self.unenforced: dict[str, list[str]] = {}
        """Hardening option → the targets where the engine does not enforce it."""
        self.engine_failures: dict[str, None] = {}
        """Lines about engines that failed, in order."""
        self._seen = {observation.cell: observation for observation in seen}
        self._before = len(self._seen)

    def take(self, events: Sequence[dict[str, Any]]) -> None:
        """Add events of the journal (``probe.journal``)."""
        for event in events:
            match event:
                case {"event": "canaries", "check": check}:
                    self._checks.append(check)
                case {"event": "engine", "failure": failure}:
                    self.engine_failures[failure] = None
                case _:
                    self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        match event:
            case {"event": "cell", "observation": observation}:
                self._seen[observation.cell] = observation
            case {"event": "passport", "id": passport_id, "passport": passport}:
                self.passports[passport_id] = passport
            case {"event": "activity", "worker": worker, "doing": ""}:
                self.activities.pop(worker, None)
            case {"event": "activity", "worker": worker, "target": target, "doing": doing}:
                self.activities[worker] = f"{target} {doing}"
            case {"event": "phase", "phase": phase, "seconds": seconds}:
                self.phases[phase] += seconds
            case {"event": "unenforced", "target": target, "names": names}:
                for name in names:
                    self.unenforced.setdefault(name, []).append(target)

    @property
    def grid(self) -> Grid:
        """All cells, with what was observed so far."""
        return build_grid(self.cells, self._seen.values(), self.canaries)

    @property
    def canaries(self) -> tuple[CanaryCheck, ...]:
        """What the canaries say of each checked column."""
        return latest_checks(self._checks)

    @property
    def done(self) -> int:
        """Number of observed cells."""
        return len(self.cells) - len(self.left)

    @property
    def left(self) -> tuple[Cell, ...]:
        """The cells without an observation."""
        return tuple(cell for cell in self.cells if cell.id not in self._seen)

    def time_left(self, elapsed: float) -> float | None:
        """Return the estimated seconds left; None if it is too early to know."""
        done = self.done - self._before
        if done < max(1, ETA_FROM * (len(self.cells) - self._before)):
            return None
        return elapsed / done * len(self.left)
