"""The storage benchmark, with few cells."""

import gc
from collections.abc import Iterator

import pytest

from harness.bench import storage


@pytest.fixture(autouse=True)
def _own_pace() -> Iterator[None]:
    """Restore the thresholds of the garbage collector."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_every_use_is_timed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each use has a line with its seconds; the exit code is 1 if one exceeds the limit."""
    assert storage.main(["400"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "400 cells, 2 runs, on one core:"
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "writing all",
        "the file",
        "opening a run",
        "what is known of it",
        "comparing",
        "rendering the grid",
        "rendering the page",
        "rendering the changes",
        "the latest results",
        "what was repeated",
        "the whole history",
    ]
    monkeypatch.setattr(storage, "LIMIT", 0.0)
    assert storage.main(["400"]) == 1


def test_the_two_runs_differ() -> None:
    """The second run has regressions."""
    cells = storage.sample_cells(400)
    first, second = (storage.sample_observations(cells, run) for run in range(2))
    flipped = [a.cell for a, b in zip(first, second, strict=True) if a.outcome is not b.outcome]
    assert len(flipped) == 400 // storage.FLIPS
