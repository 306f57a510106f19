"""Run execution and ad-hoc runs: exit codes, what is stored and written, reuse, resume.

Two small wheels on the native debian-12: ``good`` imports, ``bad`` does not.
"""

import io
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness.app.adhoc import is_whole, outcomes_of, run_subjects
from harness.app.execute import measure, resume_run, run_again, run_cells
from harness.app.prober_options import ProberOptions
from harness.app.pytest_driver import RunOptions
from harness.app.wiring import read_matrix
from harness.core.cells import Cell, Outcome
from harness.core.errors import EngineError, ExitCode
from harness.core.observations import Observation
from harness.core.subjects import Subject
from harness.host.package_data import matrix_folder
from harness.images.debian_root import native_arch
from harness.matrix.plan import Selection, plan_cells, with_subjects
from harness.probe.journal import Journal, observations, read_events
from harness.report.console import Console
from harness.results.runfile import Run, read_run
from harness.store import open_store
from tests.support.cells import make_subject
from tests.support.wheels import make_wheel

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_outer_pytest")]

CODES = {"good": "", "bad": "raise ImportError('broken on purpose')"}
HERE = Selection(targets=("debian-12",), arches=(native_arch().name,))
BOTH = [("good", Outcome.PASS), ("bad", Outcome.IMPORT_FAILED)]


@dataclass(frozen=True, kw_only=True)
class FirstRun:
    """A run of both cells in a new store."""

    options: RunOptions
    cells: tuple[Cell, ...]
    code: ExitCode
    page: str
    written: Run
    stored: Run


def subjects_in(folder: Path) -> tuple[Subject, ...]:
    paths = {name: make_wheel(folder, name, code) for name, code in CODES.items()}
    return tuple(make_subject(name, str(path)) for name, path in paths.items())


def console() -> Console:
    return Console(file=io.StringIO(), width=160)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def journaled(options: RunOptions) -> list[Observation]:
    return list(observations(read_events(options.out / "journal.jsonl")[0]))


def seen_in(run: Run) -> list[Observation]:
    return [cell.observation for cell in run.grid.cells if cell.observation]


def outcomes(run: Run) -> list[tuple[str, Outcome]]:
    return [(seen.cell.rpartition("/")[2], seen.outcome) for seen in seen_in(run)]


def stored(options: RunOptions, name: str = "last") -> Run:
    assert options.store
    with open_store(options.store) as store:
        return store.run(store.find(name))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    folder = tmp_path_factory.mktemp("execute")
    options = RunOptions(
        prober=ProberOptions(images="assembled"),
        out=folder / "out",
        workers=1,
        store=folder / "store.db",
    )
    cells = plan_cells(with_subjects(read_matrix(matrix_folder()), subjects_in(folder)), HERE)
    page = console()
    return FirstRun(
        options=options,
        cells=cells,
        code=run_cells(cells, options, page),
        page=printed(page),
        written=read_run(options.out / "run.json"),
        stored=stored(options),
    )


def test_run_is_stored_written_and_concluded(first: FirstRun) -> None:
    """A cell that fails unexpectedly makes exit code 1; store and ``run.json`` hold the same."""
    assert first.code is ExitCode.UNEXPECTED
    assert outcomes(first.written) == BOTH
    assert first.written.exit_code == first.code
    assert first.stored == first.written
    assert "stored: run " in first.page
    assert "broken on purpose" in (first.options.out / "junit.xml").read_text()


def test_second_run_reuses_the_first(first: FirstRun, tmp_path: Path) -> None:
    """Nothing is measured again, and the exit code is the same."""
    options, page = replace(first.options, out=tmp_path / "out"), console()
    assert run_cells(first.cells, options, page) is ExitCode.UNEXPECTED
    again = read_run(options.out / "run.json")
    assert outcomes(again) == BOTH
    assert [seen.cached for seen in seen_in(again)] == [True, True]
    assert [s.measured_at for s in seen_in(again)] == [
        s.measured_at for s in seen_in(first.written)
    ]
    assert "2 of 2 results were reused" in printed(page)


def test_resume_runs_only_the_rest(first: FirstRun, tmp_path: Path) -> None:
    """A run that ended after one of two cells runs the other one, and is whole then."""
    options, page = replace(first.options, out=tmp_path / "out"), console()
    good, bad = seen_in(first.written)
    with open_store(first.options.store or Path(), write=True) as store:
        interrupted = store.begin(first.cells, started_at="2026-01-01T00:00:00+00:00")
        store.add(interrupted, [good, replace(bad, outcome=Outcome.MISS)])
    assert resume_run(interrupted.id, options, page) is ExitCode.UNEXPECTED
    assert [seen.cell for seen in journaled(options)] == [bad.cell]
    assert "1 of 2 cells" in printed(page)
    whole = read_run(options.out / "run.json")
    assert outcomes(whole) == BOTH
    assert stored(options, interrupted.id) == whole


@pytest.mark.parametrize("own", [True, False])
def test_resume_takes_what_only_the_journal_has(first: FirstRun, tmp_path: Path, own: bool) -> None:
    """What a killed process did not store is stored; another run's journal is ignored."""
    options = replace(first.options, out=tmp_path / "out")
    options.out.mkdir()
    good, bad = seen_in(first.written)
    with open_store(first.options.store or Path(), write=True) as store:
        killed = store.begin(first.cells, started_at="2026-01-01T00:00:00+00:00")
        store.add(killed, [good])
    journal = Journal(options.out / "journal.jsonl")
    journal.run(killed.id if own else "another")
    journal.cell(bad)
    resume_run(killed.id, options, console())
    assert [seen.cell for seen in journaled(options)] == ([] if own else [bad.cell])
    assert outcomes(stored(options, killed.id)) == BOTH


def test_run_again_replaces_what_is_stored(first: FirstRun, tmp_path: Path) -> None:
    """A cell that is run again is measured anew, and the stored run has the new result."""
    options = replace(first.options, out=tmp_path / "out", store=tmp_path / "store.db")
    bad = first.cells[1]
    with open_store(tmp_path / "store.db", write=True) as store:
        run = store.begin(first.cells, started_at="2026-01-01T00:00:00+00:00")
        store.add(run, seen_in(first.written))
    fixed = replace(bad, subject=replace(bad.subject, call="1 == 2", imports=("os",)))
    (cell,) = run_again((fixed,), run.id, options, console()).cells
    assert cell.outcome is Outcome.CALL_FAILED
    assert cell.observation
    assert not cell.observation.cached
    assert outcomes(stored(options)) == [("good", Outcome.PASS), ("bad", Outcome.CALL_FAILED)]


def test_adhoc_run_gives_a_grid_alone(first: FirstRun, tmp_path: Path) -> None:
    """Subjects of no matrix are run on the selected target; nothing is stored or written."""
    options, page = replace(first.options, out=tmp_path / "out", store=None), console()
    grid = run_subjects(subjects_in(tmp_path), HERE, options, page)
    target = first.cells[0].target.key
    assert outcomes_of(grid) == {(target, name): outcome for name, outcome in BOTH}
    assert is_whole(grid)
    assert not list(options.out.glob("run.json"))
    assert "written" not in printed(page)


def test_broken_pytest_is_an_engine_error(first: FirstRun, tmp_path: Path) -> None:
    """``measure`` raises with the end of pytest's output, ``run_cells`` writes its files first."""
    options = replace(
        first.options,
        prober=replace(first.options.prober, matrix_folder=tmp_path / "missing"),
        out=tmp_path,
        store=None,
    )
    with pytest.raises(EngineError, match=r"pytest broke \(status 4\)(?s:.*)missing"):
        measure(first.cells, options, console())
    page = console()
    with pytest.raises(EngineError, match="pytest broke"):
        run_cells(first.cells, options, page)
    assert seen_in(read_run(tmp_path / "run.json")) == []
    assert str(tmp_path / "pytest.log") in printed(page)
