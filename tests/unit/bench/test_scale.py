"""The simulation of large runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.bench.scale import (
    KNOWN,
    format_simulated,
    grown_cells,
    image_bytes,
    simulate,
    stored_costs,
)
from harness.bench.storage import sample_cells, sample_observations
from harness.core.cells import Outcome
from harness.core.errors import ExitCode
from harness.host.package_data import matrix_folder
from harness.results.runfile import Circumstances
from harness.store import open_store
from tests.support.targets import make_target

TARGETS = [make_target(f"t{number}/x86_64") for number in range(6)]
EVEN = replace(KNOWN, cell=dict.fromkeys(KNOWN.cell, (1.0,)), failing=0.0)


def test_one_worker_does_everything_one_after_the_other() -> None:
    """Its makespan is the work, and a start and an image for each target."""
    run = simulate(grown_cells(TARGETS, 600), 1, EVEN)
    assert (run.units, run.ideal) == (6, 600)
    assert run.makespan == pytest.approx(600 + 6 * (EVEN.start + EVEN.image), abs=1)
    assert run.moved == 6 * EVEN.image_bytes + 100 * EVEN.wheel_bytes


def test_more_workers_are_faster_and_move_more() -> None:
    """Large images are cut; each worker that gets a part fetches the image."""
    cells = grown_cells(TARGETS, 6000)
    runs = [simulate(cells, workers, EVEN) for workers in (1, 6, 60)]
    assert [run.makespan for run in runs] == sorted((r.makespan for r in runs), reverse=True)
    assert [run.moved for run in runs] == sorted(run.moved for run in runs)
    assert all(run.makespan > run.ideal for run in runs)
    assert runs[2].units > runs[1].units >= 6


def test_failed_units_are_begun_again() -> None:
    """They take longer, and the same seed gives the same run."""
    cells = grown_cells(TARGETS, 600)
    torn = replace(EVEN, failing=0.5)
    assert simulate(cells, 2, torn).makespan > simulate(cells, 2, EVEN).makespan
    assert simulate(cells, 2, torn) == simulate(cells, 2, torn)


def test_a_slow_scheduler_bounds_many_workers() -> None:
    """Each unit waits until it is submitted."""
    cells = grown_cells(TARGETS, 60)
    slow = replace(EVEN, task=100.0)
    assert simulate(cells, 60, slow).makespan > 6 * 100


def test_the_line_marks_where_images_dominate() -> None:
    """A few short cells on each image are mostly starts."""
    short = simulate(grown_cells(TARGETS, 6), 6, EVEN)
    long = simulate(grown_cells(TARGETS, 6000), 6, EVEN)
    assert format_simulated(short).endswith("% *")
    assert not format_simulated(long).rstrip().endswith("*")


def test_costs_are_those_of_the_runs_in_a_store(tmp_path: Path) -> None:
    """Cells, misses, starts, images and wheels; what no run shows is as known."""
    path = tmp_path / "runs.db"
    cells = sample_cells(4)
    seen = [*sample_observations(cells, 0)]
    seen[3] = replace(seen[3], outcome=Outcome.MISS)
    how = Circumstances(
        harness="1",
        started_at="2026-01-01T00:00:00+00:00",
        seconds=60.0,
        workers=1,
        phases={"sessions": 4.0, "images": 30.0},
    )
    with open_store(path, write=True) as store:
        run = store.begin(cells, started_at=how.started_at)
        store.add(run, seen)
        store.end(run, how, ExitCode.AS_EXPECTED)
    costs = stored_costs(path)
    assert costs.cell == {**KNOWN.cell, "x86_64": (0.3, 0.3, 0.3)}
    assert (costs.failing, costs.start, costs.image) == (0.25, 4.0, 30.0)
    assert (costs.wheel_bytes, costs.task) == (1 << 20, KNOWN.task)


def test_images_weigh_what_their_packages_weigh() -> None:
    """The locks of the installed matrix pin sets of some dozen megabytes."""
    assert 20e6 < image_bytes(matrix_folder()) < 50e6
