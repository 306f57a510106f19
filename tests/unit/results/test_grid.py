"""Verdicts of cells and exit codes of grids."""

import pytest

from harness.core.cells import Expectation, Outcome
from harness.core.errors import ExitCode
from harness.core.subjects import FileSource, IndexSource
from harness.results.grid import Verdict, build_grid, exit_code, judge
from tests.support.cells import FILE, INDEX, expect, make_cell, see


@pytest.mark.parametrize(
    ("expectation", "outcome", "cause", "verdict"),
    [
        (None, Outcome.PASS, "", Verdict.AS_EXPECTED),
        (None, Outcome.REFUSED, "tag-refused", Verdict.UNEXPECTED),
        (None, Outcome.INSTALL_FAILED, "", Verdict.UNEXPECTED),
        (None, Outcome.IMPORT_FAILED, "", Verdict.UNEXPECTED),
        (None, Outcome.CALL_FAILED, "", Verdict.UNEXPECTED),
        (None, Outcome.CRASHED, "", Verdict.UNEXPECTED),
        (None, Outcome.TIMEOUT, "", Verdict.UNEXPECTED),
        (None, Outcome.MISS, "infra:pull", Verdict.MISS),
        (expect(Outcome.CRASHED), Outcome.CRASHED, "any", Verdict.AS_EXPECTED),
        (expect(Outcome.CRASHED), Outcome.TIMEOUT, "", Verdict.UNEXPECTED),
        (expect(Outcome.CRASHED), Outcome.REFUSED, "tag-refused", Verdict.UNEXPECTED),
        (expect(Outcome.CRASHED), Outcome.PASS, "", Verdict.UNEXPECTED_PASS),
        (expect(Outcome.CRASHED), Outcome.MISS, "infra:pull", Verdict.MISS),
        (expect(Outcome.IMPORT_FAILED, "a"), Outcome.IMPORT_FAILED, "a", Verdict.AS_EXPECTED),
        (expect(Outcome.IMPORT_FAILED, "a"), Outcome.IMPORT_FAILED, "b", Verdict.UNEXPECTED),
        (expect(Outcome.REFUSED), Outcome.REFUSED, "tag-refused", Verdict.AS_EXPECTED),
    ],
)
def test_judge(
    expectation: Expectation | None, outcome: Outcome, cause: str, verdict: Verdict
) -> None:
    """The verdict follows from the outcome and the expectation."""
    cell = make_cell(expectation=expectation)
    assert judge(cell, see(cell, outcome, cause)) is verdict


@pytest.mark.parametrize("source", [INDEX, FILE])
def test_refusal_is_unexpected_only_for_a_fixture_wheel(source: IndexSource | FileSource) -> None:
    cell = make_cell(source=source)
    assert judge(cell, see(cell, Outcome.REFUSED)) is Verdict.AS_EXPECTED


def test_a_refusal_against_an_expectation_is_unexpected() -> None:
    """An expectation outweighs the rule for index wheels."""
    cell = make_cell(source=INDEX, expectation=expect(Outcome.IMPORT_FAILED))
    assert judge(cell, see(cell, Outcome.REFUSED)) is Verdict.UNEXPECTED


def test_a_cell_without_observation_was_not_run() -> None:
    assert judge(make_cell(expectation=expect(Outcome.CRASHED)), None) is Verdict.NOT_RUN


def test_the_grid_keeps_the_plan_and_the_last_observation() -> None:
    """Cells keep the order of the plan; the last of two observations counts."""
    first, second = make_cell(subject="one"), make_cell(subject="two")
    foreign = see(make_cell(subject="three"), Outcome.CRASHED)
    seen = [see(second, Outcome.MISS), see(second, Outcome.PASS), foreign]
    grid = build_grid([first, second], seen)
    assert [(c.cell.subject.id, c.verdict) for c in grid.cells] == [
        ("one", Verdict.NOT_RUN),
        ("two", Verdict.AS_EXPECTED),
    ]
    assert [target.key for target in grid.targets] == ["debian-12/s390x"]
    assert [subject.id for subject in grid.subjects] == ["one", "two"]


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], ExitCode.AS_EXPECTED),
        ([(Outcome.PASS, "")], ExitCode.AS_EXPECTED),
        ([(Outcome.PASS, ""), (Outcome.CRASHED, "")], ExitCode.UNEXPECTED),
        ([(Outcome.MISS, "infra:pull")], ExitCode.NOTHING_CAN_BE_SAID),
        ([(Outcome.MISS, "infra:pull"), (Outcome.CRASHED, "")], ExitCode.UNEXPECTED),
        ([(Outcome.MISS, "infra:pull"), (Outcome.MISS, "infra:build")], ExitCode.BUILD_FAILED),
        ([(Outcome.MISS, "infra:build"), (Outcome.CRASHED, "")], ExitCode.UNEXPECTED),
        ([None], ExitCode.NOTHING_CAN_BE_SAID),
    ],
)
def test_exit_code(outcomes: list[tuple[Outcome, str] | None], code: ExitCode) -> None:
    """An unexpected result outweighs a failed build, which outweighs a miss."""
    cells = [make_cell(subject=f"s{number}") for number in range(len(outcomes))]
    seen = [see(cell, *what) for cell, what in zip(cells, outcomes, strict=True) if what]
    assert exit_code(build_grid(cells, seen)) is code


def test_an_unexpected_pass_fails_the_run() -> None:
    """The expectation is out of date."""
    cell = make_cell(expectation=expect(Outcome.CRASHED))
    assert exit_code(build_grid([cell], [see(cell, Outcome.PASS)])) is ExitCode.UNEXPECTED


@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.MISS])
def test_allow_failure_does_not_affect_the_exit_code(outcome: Outcome) -> None:
    cell = make_cell(allow_failure=True)
    grid = build_grid([cell], [see(cell, outcome)])
    assert exit_code(grid) is ExitCode.AS_EXPECTED


def test_an_interruption_outweighs_everything() -> None:
    cell = make_cell()
    grid = build_grid([cell], [see(cell, Outcome.CRASHED)])
    assert exit_code(grid, interrupted=True) is ExitCode.INTERRUPTED
