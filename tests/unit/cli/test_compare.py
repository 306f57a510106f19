"""``wheelgrid compare``, ``runs``, ``history`` and ``report``: runs by file and by name."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.cells import Outcome
from harness.results.grid import build_grid
from harness.results.runfile import Circumstances, Run, record_run, write_run
from harness.store import open_store
from tests.support.cells import cells, saw
from tests.support.cli import Said

CELLS = cells(2)
GOOD, BAD = Outcome.PASS, Outcome.IMPORT_FAILED
Wheelgrid = Callable[..., Said]


def made(day: int, *outcomes: Outcome) -> Run:
    seen = [saw(cell, outcome) for cell, outcome in zip(CELLS, outcomes, strict=True)]
    at = f"2026-01-0{day}T02:00:00+00:00"
    how = Circumstances(harness="1", started_at=at, seconds=1, workers=1)
    return record_run(build_grid(CELLS, seen), how)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Write two runs to files; in the second a cell regressed."""
    paths = (tmp_path / "before.json", tmp_path / "after.json")
    for path, run in zip(paths, (made(1, GOOD, GOOD), made(2, GOOD, BAD)), strict=True):
        write_run(path, run)
    return paths


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Store two nightly runs; in the second a cell is fixed."""
    path = tmp_path / "store.db"
    with open_store(path, write=True) as opened:
        for run in (made(1, GOOD, BAD), made(2, GOOD, GOOD)):
            info = opened.begin(CELLS, label="nightly", started_at=run.circumstances.started_at)
            opened.add(info, [c.observation for c in run.cells if c.observation])
            opened.end(info, run.circumstances, run.exit_code)
    return path


def test_files_are_compared(files: tuple[Path, Path], wheelgrid: Wheelgrid) -> None:
    """No store is needed; a regression gives exit code 1."""
    nowhere = ("--store", files[0].with_name("no.db"))
    worse = wheelgrid("compare", *files, *nowhere)
    assert (worse.status, worse.out.splitlines()[0]) == (1, "1 regressed, 1 same")
    assert wheelgrid("compare", *reversed(files), *nowhere).status == 0
    assert wheelgrid("compare", *files, "-q", "s0", *nowhere).out == "1 same\n"


@pytest.mark.parametrize(
    ("form", "begin"), [("terminal", "1 regressed"), ("markdown", "#### "), ("json", "{")]
)
def test_formats(files: tuple[Path, Path], wheelgrid: Wheelgrid, form: str, begin: str) -> None:
    """Names of formats are lower-case."""
    assert wheelgrid("compare", *files, "--format", form).out.startswith(begin)


def test_stored_runs_are_compared(store: Path, wheelgrid: Wheelgrid) -> None:
    """If ``last`` is a nightly run, ``last-night`` is the one before."""
    said = wheelgrid("compare", "last-night", "last", "--store", store, "--format", "json")
    document = json.loads(said.out)
    assert (document["base"][:10], document["run"][:10]) == ("2026-01-01", "2026-01-02")
    assert document["counts"] == {"fixed": 1, "same": 1}


def test_a_file_and_a_stored_run(
    files: tuple[Path, Path], store: Path, wheelgrid: Wheelgrid
) -> None:
    said = wheelgrid("compare", "last", files[1], "--store", store)
    assert (said.status, said.out.splitlines()[0]) == (1, "1 regressed, 1 same")


def test_runs_are_listed(store: Path, wheelgrid: Wheelgrid) -> None:
    """One line per run, newest first."""
    lines = wheelgrid("runs", "--store", store).out.splitlines()
    assert [" ".join(line.split()[1:]) for line in lines] == [
        "2026-01-02 02:00 2 cells as expected, nightly",
        "2026-01-01 02:00 2 cells not as expected, nightly",
    ]
    short = wheelgrid("runs", "-n", 1, "--store", store)
    assert (len(short.out.splitlines()), short.err) == (1, "and 1 more; -n 2 lists them all\n")


def test_history(store: Path, wheelgrid: Wheelgrid) -> None:
    """Changes are listed, results are counted."""
    said = wheelgrid("history", "s1", "--store", store)
    assert f"{CELLS[1].id}  import-failed → pass\n" in said.out
    assert said.err == "1 changes; 1 cells, seen 2 times\n"


def test_a_cell_that_changes_by_itself_is_flaky(
    files: tuple[Path, Path], store: Path, wheelgrid: Wheelgrid
) -> None:
    """Its regression does not count."""
    late = made(3, GOOD, BAD)
    write_run(files[1], late)
    said = wheelgrid("compare", "last", files[1], "--store", store)
    assert said.status == 0
    assert "pass → import-failed  flaky\n" in said.out


def test_a_stored_run_is_reported(store: Path, wheelgrid: Wheelgrid) -> None:
    """By name, filtered by a query."""
    words = ("report", "last", "--store", store, "--format", "json", "-q", "subject:s1")
    document = json.loads(wheelgrid(*words).out)
    assert [cell["subject"] for cell in document["cells"]] == ["s1"]
