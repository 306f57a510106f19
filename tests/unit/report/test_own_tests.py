"""The lines about projects' own tests at the end of a run."""

from dataclasses import replace

from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import ExitCode
from harness.core.observations import Observation
from harness.core.own_tests import OwnTests, SuiteResult
from harness.report.own_tests import format_tests
from harness.results.grid import build_grid, exit_code
from tests.support.cells import FILE, make_cell, see


def _cell(name: str) -> Cell:
    cell = make_cell(subject=name, source=FILE)
    return replace(cell, subject=replace(cell.subject, tests=OwnTests(command=("pytest",))))


def _seen(cell: Cell, outcome: Outcome, tests: SuiteResult | None = None) -> Observation:
    return replace(see(cell, outcome), stage=Stage.TEST, tests=tests)


def test_a_line_per_cell() -> None:
    """Each says the counts, or why there are none; hostile text is escaped."""
    cells = [_cell(name) for name in ("good", "bad", "none", "refused", "broken", "open")]
    good, bad, none, refused, broken, _ = cells
    grid = build_grid(
        (*cells, make_cell(subject="untested")),
        [
            _seen(good, Outcome.PASS, SuiteResult(passed=3, skipped=1)),
            _seen(bad, Outcome.TEST_FAILED, SuiteResult(failed=1, unread="it is no XML: \x1b")),
            _seen(none, Outcome.PASS),
            _seen(refused, Outcome.REFUSED),
            see(broken, Outcome.IMPORT_FAILED),
        ],
    )
    unread = "their report was not read to its end"
    assert format_tests(grid).splitlines() == [
        "tests",
        "  debian-12/s390x/good  pass: 3 passed, 1 skipped",
        f"  debian-12/s390x/bad  test-failed: 1 failed; {unread}: it is no XML: \\x1b",
        "  debian-12/s390x/none  pass: without a JUnit report",
        "  debian-12/s390x/refused  not run: what they require cannot be installed",
        "  debian-12/s390x/broken  not run: import-failed (import)",
    ]


def test_tests_that_run_nowhere() -> None:
    """A misspelled requirement is no success: nothing was tested."""
    cells = [_cell("one"), _cell("two")]
    refused = [_seen(cell, Outcome.REFUSED) for cell in cells]
    grid = build_grid(cells, refused)
    assert format_tests(grid).splitlines()[-1] == (
        "  They ran on no target: see the names and versions in --test-requires."
    )
    assert exit_code(grid) is ExitCode.NOTHING_CAN_BE_SAID
    somewhere = build_grid(cells, [refused[0], _seen(cells[1], Outcome.PASS)])
    assert exit_code(somewhere) is ExitCode.AS_EXPECTED
    assert "They ran" not in format_tests(somewhere)


def test_nothing_without_tests() -> None:
    """A run without own tests has no such lines."""
    cell = make_cell()
    assert format_tests(build_grid((cell,), [see(cell, Outcome.PASS)])) == ""
