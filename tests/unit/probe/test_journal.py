"""The journal of a run: what is written is read, by whoever and however far it got."""

import multiprocessing
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


def test_an_observation_comes_back(path: Path) -> None:
    """A cell is read as it was written, whatever a wheel printed."""
    Journal(path).cell(SEEN)
    events, _ = read_events(path)
    assert list(observations(events)) == [SEEN]
    assert path.read_bytes().count(b"\n") == 1


def test_what_a_worker_does(path: Path) -> None:
    """An announcement is about the target at hand; every event names its worker."""
    journal = Journal(path, "gw0")
    journal.activity("debian-12/s390x", "assembling")
    journal.announce("unpacking")
    journal.phase("image", 8.12345)
    assert read_events(path)[0] == [
        {
            "event": "activity",
            "worker": "gw0",
            "target": "debian-12/s390x",
            "doing": "assembling",
        },
        {"event": "activity", "worker": "gw0", "target": "debian-12/s390x", "doing": "unpacking"},
        {"event": "phase", "worker": "gw0", "phase": "image", "seconds": 8.123},
    ]


def test_reading_along(path: Path) -> None:
    """A reader goes on where it was, and leaves a line that is still being written."""
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
        stream.write(b'se", "phase": "three"}\n')
    assert [event["phase"] for event in read_events(path, offset)[0]] == ["three"]


def _write_many(path: Path, worker: str) -> None:
    journal = Journal(path, worker)
    for number in range(200):
        journal.activity(f"{number}", "x" * 3000)


def test_many_workers(path: Path) -> None:
    """Lines of several processes never mix and none is lost."""
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
