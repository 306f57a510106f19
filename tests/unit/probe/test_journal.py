"""The journal of a run: several writers, a reader that follows, damaged lines."""

import multiprocessing
import os
from collections import Counter
from pathlib import Path

import pytest

from harness.core.cells import Outcome, Stage
from harness.core.observations import Attempt, AttemptMode, Observation
from harness.probe.journal import Journal, observations, read_events

SEEN = Observation(
    cell="debian-12/s390x/numpy",
    outcome=Outcome.CRASHED,
    stage=Stage.IMPORT,
    evidence="SIGSEGV \u001b[31m\u2028 \udcff",
    attempts=(
        Attempt(mode=AttemptMode.FRESH, outcome=Outcome.CRASHED, stage=Stage.IMPORT, seconds=1.5),
    ),
    seconds={"probe": 1.5},
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_observation_round_trip(path: Path) -> None:
    """An observation is read as it was written, with escape sequences and lone surrogates."""
    Journal(path).cell(SEEN)
    events, _ = read_events(path)
    assert list(observations(events)) == [SEEN]
    assert path.read_bytes().count(b"\n") == 1


def test_events_name_worker_and_target(path: Path) -> None:
    """An announcement is about the current target; every event names its worker."""
    journal = Journal(path, "gw0")
    journal.activity("debian-12/s390x", "assembling")
    journal.announce("unpacking")
    journal.phase("image", 8.12345)
    assert read_events(path)[0] == [
        {"event": "activity", "worker": "gw0", "target": "debian-12/s390x", "doing": "assembling"},
        {"event": "activity", "worker": "gw0", "target": "debian-12/s390x", "doing": "unpacking"},
        {"event": "phase", "worker": "gw0", "phase": "image", "seconds": 8.123},
    ]


def test_reader_continues_at_its_offset(path: Path) -> None:
    """A reader continues at its offset and leaves a line that is still being written."""
    assert read_events(path) == ([], 0)
    journal = Journal(path)
    journal.phase("one", 1)
    first, offset = read_events(path)
    journal.phase("two", 2)
    with path.open("ab") as stream:
        stream.write(b'{"event": "pha')
    second, offset = read_events(path, offset)
    assert [event["phase"] for event in (*first, *second)] == ["one", "two"]
    assert read_events(path, offset) == ([], offset)
    with path.open("ab") as stream:
        stream.write(b'se", "worker": "gw0", "phase": "three", "seconds": 1}\n')
    assert [event["phase"] for event in read_events(path, offset)[0]] == ["three"]


def test_short_write_is_continued(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is whole although the system takes a few bytes at a time."""
    write = os.write
    monkeypatch.setattr("harness.probe.journal.os.write", lambda fd, data: write(fd, data[:7]))
    Journal(path).phase("images", 1)
    monkeypatch.undo()
    assert [event["phase"] for event in read_events(path)[0]] == ["images"]


def _write_many(path: Path, worker: str) -> None:
    journal = Journal(path, worker)
    for number in range(200):
        journal.activity(f"{number}", "x" * 3000)


def test_lines_of_several_workers_do_not_mix(path: Path) -> None:
    """Lines of two processes do not mix, and none is lost."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(path, f"gw{n}")) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    events, _ = read_events(path)
    for name in ("gw0", "gw1"):
        written = [event["target"] for event in events if event["worker"] == name]
        assert written == [str(number) for number in range(200)]


WHOLE = b'{"event": "phase", "worker": "gw0", "phase": "images", "seconds": 1.0}\n'


@pytest.mark.parametrize(
    "damage",
    [
        b"\n",
        WHOLE[:30],
        WHOLE[:30] + b"\n",
        WHOLE[:30] + WHOLE[:5],
        bytes(4096),
        b'{"event": "activity", "worker": "gw0", "target": "\xff", "doing": ""}\n',
        b'["event"]\n',
        b"null\n",
        b"[" * 100_000 + b"\n",
        b'{"event": "phase", "worker": "gw0", "phase": "images", "seconds": [1]}\n',
        b'{"event": "phase", "worker": "gw0", "phase": "images"}\n',
        b'{"event": ["phase"], "worker": "gw0"}\n',
        b'{"event": "unknown", "worker": "gw0"}\n',
        b'{"event": "cell", "worker": "gw0", "observation": {"cell": "a/b/c"}}\n',
    ],
    ids=lambda damage: repr(damage[:60])[2:-1],
)
@pytest.mark.parametrize("before", [0, 1, 2])
def test_damaged_line_is_skipped_and_counted(path: Path, damage: bytes, before: int) -> None:
    """Every whole event is kept, also one that was appended to an unfinished line."""
    path.write_bytes(WHOLE * before + damage + WHOLE * (2 - before))
    events, offset = read_events(path)
    kinds = Counter(event["event"] for event in events)
    unfinished = before == 2 and not damage.endswith(b"\n")
    assert kinds == Counter(phase=2, damaged=0 if unfinished else 1)
    assert offset == path.stat().st_size - (len(damage) if unfinished else 0)
    assert read_events(path, offset) == ([], offset)
