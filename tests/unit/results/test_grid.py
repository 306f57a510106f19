"""Verdicts of cells and exit codes of grids."""

from dataclasses import replace

import pytest

from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.core.causes import Cause
from harness.core.cells import Expectation, Outcome, Stage
from harness.core.errors import ExitCode
from harness.core.subjects import FileSource, IndexSource
from harness.predict.explanation import PASS
from harness.results.grid import (
    Agreement,
    Verdict,
    build_grid,
    exit_code,
    judge,
    unmet_expectations,
)
from tests.support.cells import FILE, INDEX, by_cause, expect, make_cell, see


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


@pytest.mark.parametrize(
    ("predicted", "outcome", "cause", "verdict"),
    [
        ("a", Outcome.IMPORT_FAILED, "a", Verdict.AS_EXPECTED),
        ("a", Outcome.IMPORT_FAILED, "b", Verdict.UNEXPECTED),
        ("a", Outcome.CRASHED, "a", Verdict.UNEXPECTED),
        ("a", Outcome.PASS, "", Verdict.UNEXPECTED_PASS),
        ("a", Outcome.MISS, "infra:pull", Verdict.MISS),
        ("b", Outcome.IMPORT_FAILED, "a", Verdict.UNEXPECTED),
        ("", Outcome.IMPORT_FAILED, "a", Verdict.UNEXPECTED),
        ("", Outcome.PASS, "", Verdict.AS_EXPECTED),
        (None, Outcome.IMPORT_FAILED, "a", Verdict.UNEXPECTED),
    ],
)
def test_an_expectation_by_cause_applies_to_what_is_predicted_to_fail_so(
    predicted: str | None, outcome: Outcome, cause: str, verdict: Verdict
) -> None:
    """Another cause stays unexpected, and a pass is a surprise."""
    cell = make_cell(by_cause=(by_cause("a"), by_cause("other")))
    assert judge(cell, see(cell, outcome, cause, predicted=predicted)) is verdict


def test_an_expected_refusal_may_name_the_reason_that_the_installer_does_not() -> None:
    """Installers say of every refusal that the wheel is not supported."""
    cell = make_cell(by_cause=(expect(Outcome.REFUSED, "free-threaded"),))
    for cause, verdict in (
        ("tag-refused", Verdict.AS_EXPECTED),
        ("free-threaded", Verdict.AS_EXPECTED),
        ("dependency-refused", Verdict.UNEXPECTED),
    ):
        seen = see(cell, Outcome.REFUSED, cause, predicted="free-threaded")
        assert seen.prediction is not None
        predicted = replace(seen.prediction, outcome=Outcome.REFUSED)
        assert judge(cell, replace(seen, prediction=predicted)) is verdict, cause


def test_an_expected_crash_is_met_by_a_signal() -> None:
    """A signal shows no cause; it fits those that are predicted to crash, and no other."""
    crash = replace(by_cause("static-tls"), outcome=Outcome.CRASHED)
    cell = make_cell(by_cause=(crash, by_cause("static-tls")))
    seen = see(cell, Outcome.CRASHED, "signal", predicted="static-tls")
    assert seen.prediction is not None
    predicted = replace(seen.prediction, outcome=Outcome.CRASHED)
    assert judge(cell, replace(seen, prediction=predicted)) is Verdict.AS_EXPECTED
    assert judge(cell, seen) is Verdict.UNEXPECTED
    other = replace(seen, cause="pids-limit", prediction=predicted)
    assert judge(cell, other) is Verdict.UNEXPECTED


def test_the_grid_has_the_expectation_that_applies() -> None:
    """Reports show its reason; a named one outweighs those by cause."""
    cause, named = by_cause("a"), expect(Outcome.CRASHED)
    cells = [
        make_cell(subject="one", by_cause=(cause,)),
        make_cell(subject="two", by_cause=(cause,)),
    ]
    cells.append(make_cell(subject="three", expectation=named))
    seen = [see(cell, Outcome.IMPORT_FAILED, "a", predicted="a") for cell in (cells[0], cells[2])]
    grid = build_grid(cells, seen)
    assert [c.cell.expectation for c in grid.cells] == [cause, None, named]
    assert [c.cell.by_cause for c in grid.cells] == [(), (), ()]


@pytest.mark.parametrize(
    ("seen", "unmet"),
    [({"one": "b", "two": ""}, 1), ({"one": "b", "two": "a"}, 0), ({"one": "b"}, 0), ({}, 0)],
)
def test_an_expectation_by_cause_that_no_cell_of_a_whole_grid_meets(
    seen: dict[str, str], unmet: int
) -> None:
    """It is reported only if every cell that it might apply to has a result."""
    cells = [make_cell(subject=name, by_cause=(by_cause("a"),)) for name in ("one", "two")]
    results = [
        see(cell, Outcome.IMPORT_FAILED, predicted=seen[cell.subject.id])
        for cell in cells
        if cell.subject.id in seen
    ]
    assert len(unmet_expectations(cells, build_grid(cells, results))) == unmet


def test_a_miss_leaves_an_expectation_by_cause_open() -> None:
    cell = make_cell(by_cause=(by_cause("a"),))
    assert unmet_expectations([cell], build_grid([cell], [see(cell, Outcome.MISS)])) == ()


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


MISSED = (MissedCanary(canary="hang", expected="timeout", seen="pass"),)


@pytest.mark.parametrize(
    ("outcome", "allow_failure", "missed", "code"),
    [
        (Outcome.PASS, False, (), ExitCode.AS_EXPECTED),
        (Outcome.PASS, False, MISSED, ExitCode.NOTHING_CAN_BE_SAID),
        (Outcome.CRASHED, False, MISSED, ExitCode.NOTHING_CAN_BE_SAID),
        (Outcome.CRASHED, True, MISSED, ExitCode.AS_EXPECTED),
    ],
)
def test_a_column_that_missed_a_canary_says_nothing(
    outcome: Outcome,
    allow_failure: bool,
    missed: tuple[MissedCanary, ...],
    code: ExitCode,
) -> None:
    """Neither its passes nor its failures count, unless the target may fail anyway."""
    cell = make_cell(allow_failure=allow_failure)
    check = CanaryCheck(target=cell.target.key, tried=("hang",), missed=missed)
    grid = build_grid([cell], [see(cell, outcome)], (check,))
    assert exit_code(grid) is code
    assert grid.missed_canaries == ({cell.target.key: missed} if missed else {})


@pytest.mark.parametrize(
    ("outcome", "cause", "agreement"),
    [
        (Outcome.LOAD_FAILED, Cause.PACKED_RELOCATIONS, Agreement.AGREES),
        (Outcome.IMPORT_FAILED, Cause.PACKED_RELOCATIONS, Agreement.AGREES),
        (Outcome.CRASHED, Cause.SIGNAL, Agreement.AGREES),
        (Outcome.IMPORT_FAILED, "", Agreement.DISAGREES),
        (Outcome.IMPORT_FAILED, Cause.LIBC_TOO_OLD, Agreement.DISAGREES),
        (Outcome.PASS, "", Agreement.LIMIT),
    ],
)
def test_library_may_be_opened_when_the_package_is_imported(
    outcome: Outcome, cause: str, agreement: Agreement
) -> None:
    """A failed load is predicted, and code decides when it happens, and whether."""
    predicted = replace(
        PASS, outcome=Outcome.LOAD_FAILED, stage=Stage.LOAD, cause=Cause.PACKED_RELOCATIONS
    )
    cell = make_cell()
    seen = replace(see(cell, outcome), cause=cause, prediction=predicted)
    assert build_grid([cell], [seen]).cells[0].agreement is agreement


@pytest.mark.parametrize(("missed", "count"), [((), 1), (MISSED, 0)])
def test_a_doubted_column_disagrees_with_no_prediction(
    missed: tuple[MissedCanary, ...], count: int
) -> None:
    """``--strict-prediction`` holds predictions against what is believed."""
    cell = make_cell()
    check = CanaryCheck(target=cell.target.key, tried=("hang",), missed=missed)
    seen = see(cell, Outcome.PASS, predicted="missing-library")
    assert len(build_grid([cell], [seen], (check,)).disagreements) == count


def test_an_unexpected_cell_of_a_believed_column_outweighs_a_doubted_one() -> None:
    """As it outweighs a miss."""
    doubted, believed = make_cell(), make_cell(subject="other")
    believed = replace(believed, target=replace(believed.target, id="debian-13"))
    check = CanaryCheck(target=doubted.target.key, tried=("hang",), missed=MISSED)
    seen = [see(doubted, Outcome.PASS), see(believed, Outcome.CRASHED)]
    assert exit_code(build_grid([doubted, believed], seen, (check,))) is ExitCode.UNEXPECTED
