"""Sessions of open targets: limits that are not enforced, and sessions that are not sealed."""

from pathlib import Path

from harness.core.cells import Outcome
from harness.probe.journal import Journal, read_events
from harness.probe.session import open_session
from tests.support.local_engine import LocalEngine
from tests.support.local_prober import THIS_MACHINE, local_cell, local_prober
from tests.support.wheels import job_for, make_wheel

CELL = local_cell("one")


def test_limits_that_are_not_enforced_are_journaled(tmp_path: Path) -> None:
    """A local process has none of the limits; its cells are probed anyway."""
    journal = Journal(tmp_path / "journal.jsonl")
    with local_prober({"one": ""}, journal) as prober:
        assert prober.observe(CELL).outcome is Outcome.PASS
    (event,) = (e for e in read_events(journal.path)[0] if e["event"] == "unenforced")
    assert event["target"] == THIS_MACHINE.key
    assert {"memory", "pids", "no_new_privileges", "tmpfs"} <= set(event["names"])


def test_required_limits_that_are_not_enforced_are_a_miss(tmp_path: Path) -> None:
    """No cell is probed, and the evidence names the missing limits."""
    journal = Journal(tmp_path / "journal.jsonl")
    with local_prober({"one": ""}, journal, require_hardening=True) as prober:
        seen = prober.observe(CELL)
    assert (seen.outcome, seen.cause) == (Outcome.MISS, "infra:hardening")
    assert "does not enforce" in seen.evidence


def test_session_that_cannot_be_sealed_serves_one_cell(tmp_path: Path) -> None:
    """Without ctypes a cell could reach the agent, so the next cell needs another container."""
    wheel = make_wheel(tmp_path, "good", "")
    with open_session(LocalEngine(), "image", THIS_MACHINE) as session:
        session.start(warm=False)
        assert session.usable
        session._sealed = False
        assert session.probe(job_for(wheel)).outcome is Outcome.PASS
        assert not session.usable
