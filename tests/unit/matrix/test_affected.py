"""Which cells a change affects."""

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


def affected(edit: Edit, matrix: Matrix = MATRIX) -> set[str]:
    """Return the ids of the affected cells of the whole matrix."""
    return {cell.id for cell in affected_cells(all_cells(matrix), matrix, edit)}


def edit(*paths: str) -> Edit:
    """Return an edit of files without a change of the matrix."""
    return Edit(paths=frozenset(paths), before=MATRIX)


@pytest.mark.parametrize(
    "path",
    ["README.md", "tests/unit/matrix/test_affected.py", "harness/README.md",
     "harness/report/html.py",
     "harness/cli/run.py", "harness/results/compare.py", "tox.ini", "fixtures/README.md"],
)  # fmt: skip
def test_reports_and_documents_affect_no_cell(path: str) -> None:
    assert affected(edit(path)) == set()


@pytest.mark.parametrize(
    "path",
    [
        "harness/probe/prober.py",
        "harness/probe/agent/main.py",
        "harness/core/targets.py",
        "pyproject.toml",
    ],
)
def test_measuring_code_and_dependencies_affect_all_cells(path: str) -> None:
    assert affects_all(edit(path))
    assert len(affected(edit(path))) == len(CELLS)


def test_a_fixture_project_affects_only_its_cells() -> None:
    of_it = {
        cell.id
        for cell in CELLS
        if isinstance(cell.subject.source, FixtureSource) and cell.subject.source.project == "abi3"
    }
    assert of_it
    assert affected(edit("fixtures/abi3/setup.py")) == of_it


def test_a_target_affects_its_cells() -> None:
    """A new way to its image does, a new title does not."""
    target = next(t for t in MATRIX.targets if t.key == "debian-12/s390x")

    def with_target(**changes: object) -> Matrix:
        other = replace(target, **changes)  # type: ignore[arg-type]
        return replace(MATRIX, targets=tuple(other if t == target else t for t in MATRIX.targets))

    own = {cell.id for cell in CELLS if cell.target == target}
    assert affected(edit(), with_target(interpreter="python3.11")) == own
    assert affected(edit(), with_target(allow_failure=True)) == own
    assert affected(edit(), with_target(title="Bookworm")) == set()


def test_a_builder_affects_only_its_wheels() -> None:
    builder = MATRIX.builders[0]
    other = replace(MATRIX, builders=(replace(builder, promises={}), *MATRIX.builders[1:]))
    sources = {cell.id: cell.subject.source for cell in CELLS}
    built = {
        name
        for name, source in sources.items()
        if isinstance(source, FixtureSource) and source.builder == builder.id
    }
    assert built
    assert affected(edit(), other) == built


def test_an_expectation_affects_its_cells() -> None:
    """Only a new outcome or cause does, not a new reason or line."""
    cell = CELLS[0]
    expected = Expectation(
        target=cell.target.id, arch=cell.target.arch_name, subject=cell.subject.id,
        outcome=Outcome.CRASHED, reason="it is so", link="https://example.invalid/1",
    )  # fmt: skip

    def declared(expectation: Expectation) -> Matrix:
        return replace(MATRIX, expectations=(expectation, *MATRIX.expectations))

    assert affected(edit(), declared(expected)) == {cell.id}
    moved = declared(replace(expected, reason="it was so", where="expectations.yaml:9"))
    assert affected(Edit(paths=frozenset(), before=declared(expected)), moved) == set()


def test_a_new_pin_affects_its_users() -> None:
    """The release's cells, those it accompanies, and replicas that it installs for."""
    subject = next(s for s in MATRIX.subjects if s.id == "markupsafe")
    assert isinstance(subject.source, IndexSource)
    pinned = subject.source
    made = {cell.id for cell in CELLS if cell.subject.source == pinned}
    assert affected(replace(edit(), repinned=frozenset({pinned}))) == made

    replica = next(t.replica for t in MATRIX.targets if t.replica)
    pip = IndexSource(name="pip", version=replica.pip)
    on_it = {c.id for c in CELLS if c.target.replica and c.target.replica.pip == replica.pip}
    assert affected(replace(edit(), repinned=frozenset({pip}))) >= on_it

    subject = next(s for s in MATRIX.subjects if s.companions)
    beside = {cell.id for cell in CELLS if cell.subject == subject}
    assert affected(replace(edit(), repinned=frozenset(subject.companions[:1]))) >= beside


def test_an_unreadable_base_matrix_affects_all_cells() -> None:
    assert len(affected(Edit(paths=frozenset(), before=None))) == len(CELLS)


def test_probing_imports_no_listed_module() -> None:
    """A prober imports only the vocabulary of reports and the writer of runs."""
    words = "import sys, harness.conftest; print(*(m for m in sys.modules if 'harness.' in m))"
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.removeprefix("harness.") for name in done.stdout.split()}
    assert "probe.prober" in loaded
    assert {name for name in NOT_DECIDING if name in loaded} == {"report", "results.runfile"}


def test_listed_modules_exist() -> None:
    places = [ROOT / "harness" / name.replace(".", "/") for name in NOT_DECIDING]
    assert [p for p in places if not (p.is_dir() or p.with_suffix(".py").is_file())] == []
