"""The state of a run, from its journal."""

import pytest

from harness.probe.journal import Journal
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
