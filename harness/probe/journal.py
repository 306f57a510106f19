"""The journal of a run: one JSON object per line, appended as things happen.

Workers append to it, and the process that shows progress follows it. When a run is killed, every
line that was written remains. Eight kinds of event::

    {"event": "activity", "worker": "gw0", "target": "debian-12/s390x", "doing": "assembling"}
    {"event": "cell", "worker": "gw0", "observation": {…}}          core.observations.Observation
    {"event": "phase", "worker": "gw0", "phase": "image", "seconds": 8.1}
    {"event": "passport", "worker": "gw0", "id": …, "environment": …, "passport": {…}}
    {"event": "unenforced", "worker": "gw0", "target": …, "names": ["memory"]}
    {"event": "canaries", "worker": "gw0", "check": {…}}            core.canary_check.CanaryCheck
    {"event": "engine", "worker": "gw0", "failure": "engine ssh://arm1: …"}
    {"event": "run", "worker": "main", "id": "…"}                   the stored run, if there is one

A line that a killed process left unfinished is read as ``{"event": "damaged"}``.
"""

import errno
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from harness.core.canary_check import CanaryCheck
from harness.core.observations import Observation
from harness.core.passport import Passport

_PASSPORT: TypeAdapter[Passport] = TypeAdapter(Passport)
_OBSERVATION: TypeAdapter[Observation] = TypeAdapter(Observation)
_CHECK: TypeAdapter[CanaryCheck] = TypeAdapter(CanaryCheck)
_TEXT = TypeAdapter(str)
_FIELDS: dict[str, dict[str, TypeAdapter[Any]]] = {
    "activity": {"target": _TEXT, "doing": _TEXT},
    "canaries": {"check": _CHECK},
    "cell": {"observation": _OBSERVATION},
    "engine": {"failure": _TEXT},
    "passport": {"id": _TEXT, "environment": _TEXT, "passport": _PASSPORT},
    "phase": {"phase": _TEXT, "seconds": TypeAdapter(float)},
    "run": {"id": _TEXT},
    "unenforced": {"target": _TEXT, "names": TypeAdapter(tuple[str, ...])},
}
"""Kind of event → its fields, beside ``event`` and ``worker``."""
_START = b'{"event": '
"""How every line begins. JSON escapes the quotes in a string, so it is nowhere else in a line."""


FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk that may have space later."""
NAME = "journal.jsonl"
"""Its file in the directory of a run."""


class Journal:
    """Appends events to a file; any number of processes may write to the same file."""

    def __init__(self, path: Path, worker: str = "main") -> None:
        self.path = path
        self.worker = worker
        self._target = ""
        self._unwritten = b""

    def run(self, run_id: str) -> None:
        """Record which stored run the events that follow belong to."""
        self._append({"event": "run", "id": run_id})

    def activity(self, target: str, doing: str) -> None:
        """Record what this worker does now; an empty ``doing`` means that it is idle."""
        self._target = target
        self._append({"event": "activity", "target": target, "doing": doing})

    def announce(self, doing: str) -> None:
        """Record what this worker does now for its current target."""
        self.activity(self._target, doing)

    @contextmanager
    def timed(self, phase: str, target: str, doing: str) -> Iterator[None]:
        """Record an activity, and the seconds that it took as those of a phase."""
        self.activity(target, doing)
        start = time.monotonic()
        try:
            yield
        finally:
            self.phase(phase, time.monotonic() - start)

    def phase(self, phase: str, seconds: float) -> None:
        self._append({"event": "phase", "phase": phase, "seconds": round(seconds, 3)})

    def unenforced(self, target: str, names: tuple[str, ...]) -> None:
        """Record which parts of the hardening are not in effect in a target's containers."""
        if names:
            self._append({"event": "unenforced", "target": target, "names": names})

    def passport(self, passport_id: str, environment: str, passport: Passport) -> None:
        """Record the passport of a target; ``environment`` is the key of its environment."""
        data = _PASSPORT.dump_python(passport, mode="json")
        ids = {"id": passport_id, "environment": environment}
        self._append({"event": "passport", **ids, "passport": data})

    def canaries(self, check: CanaryCheck) -> None:
        """Record what the canaries say of a column."""
        self._append({"event": "canaries", "check": _CHECK.dump_python(check, mode="json")})

    def engine(self, failure: str) -> None:
        """Record that an engine failed, or is another one than declared."""
        self._append({"event": "engine", "failure": failure})

    def cell(self, observation: Observation) -> None:
        data = _OBSERVATION.dump_python(observation, mode="json")
        self._append({"event": "cell", "observation": data})

    def flush(self) -> None:
        """Write what a full disk did not take. Raises ``OSError`` if it is still full."""
        if self._unwritten:
            self._write()

    def _append(self, event: dict[str, Any]) -> None:
        """Write a line, or keep it for the next call if the disk is full."""
        self._unwritten += json.dumps({**event, "worker": self.worker}).encode() + b"\n"
        try:
            self._write()
        except OSError as error:
            if error.errno not in FULL:
                raise

    def _write(self) -> None:
        # One write to a file opened for appending: lines of several workers never mix.
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            left = self._unwritten
            while left:  # a second write is the exception: a disk that is nearly full
                left = left[os.write(handle, left) :]
        finally:
            os.close(handle)
        # Not in parts: other workers may have written after the first part, which is damaged then.
        self._unwritten = b""


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the events after byte ``offset``, and the offset for the next call.

    An unfinished last line is left for the next call. A missing file has no events.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read()
    except FileNotFoundError:
        return [], offset
    *lines, unfinished = data.split(b"\n")
    events = [event for line in lines for event in _events(line)]
    return events, offset + len(data) - len(unfinished)


def passports(events: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, Passport]]:
    """Yield the id, the environment's key and the passport of each passport event."""
    for event in events:
        if event["event"] == "passport":
            yield event["id"], event["environment"], event["passport"]


def canary_checks(events: Sequence[dict[str, Any]]) -> Iterator[CanaryCheck]:
    """Yield what the canaries say of columns, in order."""
    for event in events:
        if event["event"] == "canaries":
            yield event["check"]


def observations(events: Sequence[dict[str, Any]]) -> Iterator[Observation]:
    """Yield the observations among ``events``, in order."""
    for event in events:
        if event["event"] == "cell":
            yield event["observation"]


def activities(events: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield each worker with what it does: ``<target>/<arch> activity``, empty if it is idle."""
    for event in events:
        if event["event"] == "activity":
            doing = event["doing"]
            yield event["worker"], f"{event['target']} {doing}" if doing else ""


def _events(line: bytes) -> Iterator[dict[str, Any]]:
    """Yield the event of a line; before it one for the unfinished line that it continues."""
    start = line.rfind(_START)
    if start > 0:
        yield {"event": "damaged"}
    try:
        event = json.loads(line[max(start, 0) :])
        fields = {"worker": _TEXT, **_FIELDS[event["event"]]}
        values = {name: adapter.validate_python(event[name]) for name, adapter in fields.items()}
    except (ValueError, TypeError, KeyError, RecursionError):
        yield {"event": "damaged"}
    else:
        yield {"event": event["event"], **values}
