"""Say what a run is doing while pytest shows only dots: a line for what takes longer."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from harness.probe.journal import read_events
from harness.report.untrusted import visible
from harness.results.run_state import RunState

LONG = 2.0
"""Seconds after which an activity is said."""
TICK = 0.5
"""Seconds between two reads of the journal."""


class ActivityLines:
    """A context in which each long activity in a journal is said once, by ``say_line``."""

    def __init__(self, journal: Path, say_line: Callable[[str], None]) -> None:
        self._journal = journal
        self._say_line = say_line
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        state, offset, began, said = RunState(()), 0, dict[str, float](), set[str]()
        while not self._ended.wait(TICK):
            events, offset = read_events(self._journal, offset)
            state.take(events)
            now, doing = time.monotonic(), set(state.activities.values())
            began = {what: began.get(what, now) for what in doing}
            for what in doing - said:
                if now - began[what] >= LONG:
                    said.add(what)
                    self._say_line(visible(what))
