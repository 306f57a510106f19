"""Show the progress of a run.

Each finished target gets a line. Below them a terminal shows a progress bar; a log gets a regular
heartbeat.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.probe.journal import Journal
from harness.report.console import Console, say
from harness.report.glyphs import count_cells
from harness.report.untrusted import cut, visible
from harness.results.grid import GridCell
from harness.results.run_state import RunState

HEARTBEAT = 10.0
"""Seconds between two log lines if no target finishes."""


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
        cells = defaultdict[str, list[GridCell]](list)
        for cell in state.grid.cells:
            cells[cell.cell.target.key].append(cell)
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
            self._say("; ".join(_doing(state)) or "starting", state, elapsed)

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
        Text(cut(line, console.width, ellipsis="..."), style="dim") for line in _doing(state)
    ]
    return Group(bar, Text("   ").join(counts), *workers)


def _doing(state: RunState) -> list[str]:
    """Return a line per busy worker."""
    return [visible(f"{worker} {what}") for worker, what in sorted(state.activities.items())]


def _clock(seconds: float) -> str:
    return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"
