"""A task of a worker."""

import json
from pathlib import Path

from harness.app.cluster_task import JournalLines


def test_lines_are_passed_on_once_and_whole(tmp_path: Path) -> None:
    """Each has the name of the Dask worker; damaged lines are left out."""
    path = tmp_path / "journal.jsonl"
    journal = JournalLines(path, "tcp://worker")
    assert journal.read_on() == []
    path.write_text('{"event": "phase", "worker": "gw0"}\n{"event": "ce')
    assert [json.loads(line) for line in journal.read_on()] == [
        {"event": "phase", "worker": "tcp://worker"}
    ]
    with path.open("a") as stream:
        stream.write('ll", "worker": "gw0"}\n{"event": \n[]\n')
    assert [json.loads(line)["event"] for line in journal.read_on()] == ["cell"]
    assert journal.read_on() == []
    assert [json.loads(line)["event"] for line in journal.lines] == ["phase", "cell"]


def test_cells_that_the_engine_missed_are_held_back(tmp_path: Path) -> None:
    """They are another worker's if the engine is gone; other misses are results."""
    path = tmp_path / "journal.jsonl"
    seen = [{"cell": cause, "cause": cause} for cause in ("infra:engine", "infra:index", "")]
    path.write_text("".join(json.dumps({"event": "cell", "observation": o}) + "\n" for o in seen))
    journal = JournalLines(path, "w")
    journal.read_on()
    assert [json.loads(line)["observation"]["cell"] for line in journal.missed] == ["infra:engine"]
    assert len(journal.lines) == 2
