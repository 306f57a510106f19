"""Show the progress of a run from its journal.

Each finished target gets a line. Below them a terminal shows a progress bar; a log gets a regular
heartbeat.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.core.cells import Cell
from harness.core.observations import Observation
from harness.core.passport import Passport
from harness.probe.journal import Journal, observations, passports
from harness.report.console import Console, say
from harness.report.glyphs import count_cells
from harness.report.untrusted import cut, visible
from harness.results.grid import Grid, GridCell, build_grid

HEARTBEAT = 10.0
"""Seconds between two log lines if no target finishes."""
ETA_FROM = 0.05
"""Minimum share of finished cells for an estimate of the time left."""


class RunState:
    """The state of a run: journal events so far, and observations ``seen`` before."""

    def __init__(self, cells: Sequence[Cell], seen: Iterable[Observation] = ()) -> None:
        self.cells = tuple(cells)
        self.activities: dict[str, str] = {}
        """Per busy worker: ``<target>/<arch> activity``."""
        self.phases: Counter[str] = Counter()
        """Seconds of work per phase."""
        self.passports = dict[str, Passport]()
        """Passports of targets, by id."""
        self.unenforced: dict[str, list[str]] = {}
        """Hardening option → the targets where the engine does not enforce it."""
        self._seen = {observation.cell: observation for observation in seen}
        self._before = len(self._seen)

    def take(self, events: Sequence[dict[str, Any]]) -> None:
        self._seen.update({seen.cell: seen for seen in observations(list(events))})
        self.passports.update({name: passport for name, _, passport in passports(list(events))})
        for event in events:
            match event:
                case {"event": "activity", "doing": ""}:
                    self.activities.pop(event["worker"], None)
                case {"event": "activity"}:
                    self.activities[event["worker"]] = visible(
                        f"{event['target']} {event['doing']}"
                    )
                case {"event": "phase"}:
                    self.phases[event["phase"]] += event["seconds"]
                case {"event": "unenforced"}:
                    for name in event["names"]:
                        self.unenforced.setdefault(name, []).append(event["target"])

    @property
    def grid(self) -> Grid:
        return build_grid(self.cells, self._seen.values())

    @property
    def done(self) -> int:
        return sum(cell.id in self._seen for cell in self.cells)

    @property
    def left(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.id not in self._seen)

    def time_left(self, elapsed: float) -> float | None:
        """Return the estimated seconds left; None if it is too early to know."""
        done = self.done - self._before
        if done < max(1, ETA_FROM * (len(self.cells) - self._before)):
            return None
        return elapsed / done * len(self.left)


class ConsoleJournal(Journal):
    """A journal that prints each activity and stores nothing."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def activity(self, target: str, doing: str) -> None:
        super().activity(target, doing)
        if doing:
            say(f"{target}: {doing}")


class View(Protocol):
    """Shows the progress of a run."""

    def show(self, state: RunState, elapsed: float) -> None:
        """Show ``state``, ``elapsed`` seconds after the start."""


class FinishedTargets:
    """The targets whose cells all have a result, each returned once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def take(self, state: RunState, *, plain: bool) -> Iterator[tuple[str, list[Text]]]:
        """Yield ``<target>/<arch>`` and the counts of its cells for each newly finished target."""
        cells: dict[str, list[GridCell]] = {}
        for cell in state.grid.cells:
            cells.setdefault(cell.cell.target.key, []).append(cell)
        for key, same in cells.items():
            if key not in self._said and all(cell.observation for cell in same):
                self._said.add(key)
                yield key, count_cells(same, plain=plain)


class LiveView:
    """A line per finished target, and a display below it that is redrawn in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._finished = FinishedTargets()

    def show(self, state: RunState, elapsed: float) -> None:
        console = self._live.console
        for key, counts in self._finished.take(state, plain=console.options.ascii_only):
            say(Text.assemble(f"[{elapsed:4.0f} s] {key}: ", Text("  ").join(counts)), console)
        self._live.update(draw(state, elapsed, console), refresh=True)


class PlainView:
    """Lines for a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._finished = FinishedTargets()
        self._said_at = -HEARTBEAT

    def show(self, state: RunState, elapsed: float) -> None:
        for key, counts in self._finished.take(state, plain=True):
            self._say(f"{key}: {', '.join(count.plain[2:] for count in counts)}", state, elapsed)
        if elapsed - self._said_at >= HEARTBEAT:
            doing = "; ".join(
                f"{worker} {what}" for worker, what in sorted(state.activities.items())
            )
            self._say(doing or "starting", state, elapsed)

    def _say(self, words: str, state: RunState, elapsed: float) -> None:
        self._said_at = elapsed
        line = f"[{elapsed:4.0f} s] {state.done}/{len(state.cells)} {words}"
        say(line, self._console)


@contextmanager
def open_view(console: Console) -> Iterator[View]:
    """Open the view that suits ``console``; the display of a live one is erased at the end."""
    if not console.is_terminal:
        yield PlainView(console)
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield LiveView(live)


def draw(state: RunState, elapsed: float, console: Console) -> Group:
    """Return the bar, the counts, and a line per worker."""
    plain = console.options.ascii_only
    total = len(state.cells)
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        ProgressBar(total=total, completed=state.done, width=min(40, console.width // 3)),
        f"{state.done}/{total} cells",
        f"{_clock(elapsed)} elapsed",
        "" if (left := state.time_left(elapsed)) is None else f"about {_clock(left)} left",
    )
    counts = count_cells((c for c in state.grid.cells if c.observation), plain=plain)
    workers = [
        Text(cut(f"{worker} {what}", console.width, ellipsis="..."), style="dim")
        for worker, what in sorted(state.activities.items())
    ]
    return Group(bar, Text("   ").join(counts), *workers)


def _clock(seconds: float) -> str:
    return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"
