"""The state of a run, from its journal."""

from dataclasses import replace

import pytest

from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.probe.journal import Journal, canary_checks, read_events
from harness.results.grid import Grid
from tests.support.journals import follow, record
from tests.support.passports import make_passport


def test_state_from_a_journal(grid: Grid, journal: Journal) -> None:
    """Grid, summed phases, passports, targets by missing hardening, and busy workers only."""
    journal.activity("debian-12/s390x", "assembling the image")
    Journal(journal.path, "gw1").activity("debian-13/x86_64", "probing")
    Journal(journal.path, "gw1").activity("debian-13/x86_64", "")
    journal.phase("images", 8.5)
    journal.phase("images", 1.5)
    journal.passport("p1", "environment", make_passport())
    for key in ("debian-12/s390x", "debian-13/x86_64"):
        journal.unenforced(key, ("memory",))
    for target in grid.targets:
        record(grid, journal, target.key)
    state = follow(grid, journal)
    assert state.grid == grid
    assert state.done == len(grid.cells) - 1
    assert state.phases == {"images": 10.0}
    assert state.passports == {"p1": make_passport()}
    assert state.unenforced == {"memory": ["debian-12/s390x", "debian-13/x86_64"]}
    assert state.activities == {"gw0": "debian-12/s390x assembling the image"}


def test_time_left(grid: Grid, journal: Journal) -> None:
    """Unknown before the first finished cells."""
    assert follow(grid, journal).time_left(30) is None
    record(grid, journal, "debian-12/x86_64")
    assert follow(grid, journal).time_left(10) == pytest.approx(30)


def test_a_missed_canary_outweighs_a_later_check(grid: Grid, journal: Journal) -> None:
    """One worker's check says enough; another target's check is apart."""
    missed = (MissedCanary(canary="hang", expected="timeout", seen="pass"),)
    bad = CanaryCheck(target="debian-12/s390x", tried=("hang",), missed=missed)
    for check in (replace(bad, missed=()), bad, replace(bad, missed=())):
        journal.canaries(check)
    fine = CanaryCheck(target="debian-13/x86_64", tried=("hang",), seconds=1.5)
    journal.canaries(fine)
    assert list(canary_checks(read_events(journal.path)[0]))[-1] == fine
    state = follow(grid, journal)
    assert state.canaries == (bad, fine)
    assert state.grid.missed_canaries == {"debian-12/s390x": missed}
