"""The journal of a run: one JSON object a line, appended as things happen.

Workers append to it, the front that shows progress reads along, and whatever kills a
run leaves every line that was written. Four kinds of event::

    {"event": "activity", "worker": "gw0", "target": "debian-12/s390x", "doing": "assembling"}
    {"event": "cell", "worker": "gw0", "observation": {…}}          model.Observation
    {"event": "phase", "worker": "gw0", "phase": "image", "seconds": 8.1}
    {"event": "passport", "worker": "gw0", "id": …, "environment": …, "passport": {…}}
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from harness.core.observations import Observation
from harness.core.passport import Passport

_PASSPORT: TypeAdapter[Passport] = TypeAdapter(Passport)
_OBSERVATION: TypeAdapter[Observation] = TypeAdapter(Observation)


class Journal:
    """Appends events to one file; any number of processes may hold one on the same file."""

    def __init__(self, path: Path, worker: str = "main") -> None:
        self.path = path
        self.worker = worker
        self._target = ""

    def activity(self, target: str, doing: str) -> None:
        """Say what this worker is doing now; an empty ``doing`` says that it is idle."""
        self._target = target
        self._append({"event": "activity", "target": target, "doing": doing})

    def announce(self, doing: str) -> None:
        """Say what is being done for the target at hand."""
        self.activity(self._target, doing)

    @contextmanager
    def timed(self, phase: str, target: str, doing: str) -> Iterator[None]:
        """Announce what is done for ``target``, and record the seconds that it took."""
        self.activity(target, doing)
        start = time.monotonic()
        try:
            yield
        finally:
            self.phase(phase, time.monotonic() - start)

    def phase(self, phase: str, seconds: float) -> None:
        """Record the wall-clock seconds that one piece of a phase took."""
        self._append({"event": "phase", "phase": phase, "seconds": round(seconds, 3)})

    def unenforced(self, target: str, names: tuple[str, ...]) -> None:
        """Record which parts of the hardening are not in effect in a target's containers."""
        if names:
            self._append({"event": "unenforced", "target": target, "names": names})

    def passport(self, passport_id: str, environment: str, passport: Passport) -> None:
        """Record what a target said of itself in an environment, each by what stands for it."""
        data = _PASSPORT.dump_python(passport, mode="json")
        self._append(
            {
                "event": "passport",
                "id": passport_id,
                "environment": environment,
                "passport": data,
            }
        )

    def cell(self, observation: Observation) -> None:
        """Record what was seen of one cell."""
        data = _OBSERVATION.dump_python(observation, mode="json")
        self._append({"event": "cell", "observation": data})

    def _append(self, event: dict[str, Any]) -> None:
        line = json.dumps({**event, "worker": self.worker}, ensure_ascii=True) + "\n"
        # One write to a file opened for appending: lines of several workers never mix.
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the whole events after byte ``offset`` and the offset to go on from.

    A last line without its end is left for the next call; a file that is not there yet
    has no events.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], offset + len(whole)


def passports(events: list[dict[str, Any]]) -> Iterator[tuple[str, str, Passport]]:
    """Yield the passports among ``events``: their id, the environment's key, and what they say."""
    for event in events:
        if event["event"] == "passport":
            passport = _PASSPORT.validate_python(event["passport"], strict=False)
            yield event["id"], event["environment"], passport


def observations(events: list[dict[str, Any]]) -> Iterator[Observation]:
    """Yield the observations among ``events``, in order."""
    for event in events:
        if event["event"] == "cell":
            yield _OBSERVATION.validate_python(event["observation"])
