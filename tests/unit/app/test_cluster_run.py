"""What the client of a cluster writes into the journal itself."""

from pathlib import Path

from harness.app.cluster_run import ended_activities
from harness.probe.journal import Journal, read_events
from harness.results.run_state import RunState


def test_workers_that_are_gone_do_nothing_any_more(tmp_path: Path) -> None:
    """Progress shows neither of two that died, and still the one that lives."""
    path = tmp_path / "journal.jsonl"
    for worker in ("one", "two", "three"):
        Journal(path, worker).activity("debian-12/s390x", "assembling")
    with path.open("a") as stream:
        stream.writelines(f"{line}\n" for line in ended_activities(["one", "three"]))
    state = RunState(())
    state.take(read_events(path)[0])
    assert state.activities == {"two": "debian-12/s390x assembling"}
