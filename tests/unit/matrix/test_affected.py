"""Which cells a change touches: by values and files, and by what the prober is made of."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.app.wiring import read_matrix
from harness.core.cells import Expectation, Matrix, Outcome
from harness.core.subjects import FixtureSource, IndexSource
from harness.matrix.affected import NOT_DECIDING, Edit, affected_cells, affects_all
from harness.matrix.plan import all_cells

ROOT = Path(__file__).parents[3]
MATRIX = read_matrix(ROOT / "matrix")
CELLS = all_cells(MATRIX)


def touched(edit: Edit, matrix: Matrix = MATRIX) -> set[str]:
    """Return the ids of the touched cells of the whole matrix."""
    return {cell.id for cell in affected_cells(all_cells(matrix), matrix, edit)}


def edit(*paths: str) -> Edit:
    """Return an edit of files that leaves the matrix as it is."""
    return Edit(paths=frozenset(paths), before=MATRIX)


@pytest.mark.parametrize(
    "path",
    ["README.md", "tests/unit/matrix/test_affected.py", "harness/README.md",
     "harness/report/html.py",
     "harness/cli/run.py", "harness/results/compare.py", "tox.ini", "fixtures/README.md"],
)  # fmt: skip
def test_what_only_tells_touches_nothing(path: str) -> None:
    """Documents, tests, reports and commands decide no cell."""
    assert touched(edit(path)) == set()


@pytest.mark.parametrize(
    "path",
    [
        "harness/probe/prober.py",
        "harness/probe/agent/main.py",
        "harness/core/targets.py",
        "pyproject.toml",
    ],
)
def test_what_measures_touches_everything(path: str) -> None:
    """Code that a result depends on may change every cell, and so may its dependencies."""
    assert affects_all(edit(path))
    assert len(touched(edit(path))) == len(CELLS)


def test_a_fixture_touches_its_own_cells() -> None:
    """A fixture project's sources decide the wheels that are built of it, and no others."""
    of_it = {
        cell.id
        for cell in CELLS
        if isinstance(cell.subject.source, FixtureSource) and cell.subject.source.project == "abi3"
    }
    assert of_it
    assert touched(edit("fixtures/abi3/setup.py")) == of_it


def test_a_target_touches_its_own_cells() -> None:
    """Another way to an image touches that image's cells; another title none."""
    target = next(t for t in MATRIX.targets if t.key == "debian-12/s390x")

    def with_target(**changes: object) -> Matrix:
        other = replace(target, **changes)  # type: ignore[arg-type]
        return replace(MATRIX, targets=tuple(other if t == target else t for t in MATRIX.targets))

    own = {cell.id for cell in CELLS if cell.target == target}
    assert touched(edit(), with_target(interpreter="python3.11")) == own
    assert touched(edit(), with_target(allow_failure=True)) == own
    assert touched(edit(), with_target(title="Bookworm")) == set()


def test_a_builder_touches_what_it_builds() -> None:
    """Cells whose wheel another builder made are left alone."""
    builder = MATRIX.builders[0]
    other = replace(MATRIX, builders=(replace(builder, promises={}), *MATRIX.builders[1:]))
    sources = {cell.id: cell.subject.source for cell in CELLS}
    built = {
        name
        for name, source in sources.items()
        if isinstance(source, FixtureSource) and source.builder == builder.id
    }
    assert built
    assert touched(edit(), other) == built


def test_an_expectation_touches_what_it_speaks_of() -> None:
    """Another outcome or cause does; another reason or place in the file does not."""
    cell = CELLS[0]
    expected = Expectation(
        target=cell.target.id, arch=cell.target.arch_name, subject=cell.subject.id,
        outcome=Outcome.CRASHED, reason="it is so", link="https://example.invalid/1",
    )  # fmt: skip

    def declared(expectation: Expectation) -> Matrix:
        return replace(MATRIX, expectations=(expectation, *MATRIX.expectations))

    assert touched(edit(), declared(expected)) == {cell.id}
    moved = declared(replace(expected, reason="it was so", where="expectations.yaml:9"))
    assert touched(Edit(paths=frozenset(), before=declared(expected)), moved) == set()


def test_another_pin_touches_what_is_made_of_it() -> None:
    """A release's own cells, those it accompanies, and the replicas it is the installer of."""
    subject = next(s for s in MATRIX.subjects if s.id == "markupsafe")
    assert isinstance(subject.source, IndexSource)
    pinned = subject.source
    made = {cell.id for cell in CELLS if cell.subject.source == pinned}
    assert touched(replace(edit(), repinned=frozenset({pinned}))) == made

    replica = next(t.replica for t in MATRIX.targets if t.replica)
    pip = IndexSource(name="pip", version=replica.pip)
    on_it = {c.id for c in CELLS if c.target.replica and c.target.replica.pip == replica.pip}
    assert touched(replace(edit(), repinned=frozenset({pip}))) >= on_it

    subject = next(s for s in MATRIX.subjects if s.companions)
    beside = {cell.id for cell in CELLS if cell.subject == subject}
    assert touched(replace(edit(), repinned=frozenset(subject.companions[:1]))) >= beside


def test_a_matrix_that_cannot_be_read_touches_everything() -> None:
    """What is not known to be the same is run."""
    assert len(touched(Edit(paths=frozenset(), before=None))) == len(CELLS)


def test_no_cell_is_probed_by_what_only_tells() -> None:
    """A prober loads none of it; of reports it takes the words, of runs how one is written."""
    words = "import sys, harness.conftest; print(*(m for m in sys.modules if 'harness.' in m))"
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.removeprefix("harness.") for name in done.stdout.split()}
    assert "probe.prober" in loaded
    assert {name for name in NOT_DECIDING if name in loaded} == {"report", "results.runfile"}


def test_what_only_tells_is_there() -> None:
    """A module that was renamed or went does not stay in the list."""
    places = [ROOT / "harness" / name.replace(".", "/") for name in NOT_DECIDING]
    assert [p for p in places if not (p.is_dir() or p.with_suffix(".py").is_file())] == []
