"""``junit.xml`` as continuous integration reads it."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.core.cells import Outcome, Stage
from harness.core.own_tests import CaseResult, CaseStatus, SuiteResult
from harness.report.junit import junit_xml, tail
from harness.results.grid import Grid, build_grid, marked_grid
from tests.support.cells import expect, make_cell, see


@pytest.fixture
def cases(grid: Grid) -> dict[str, ET.Element]:
    suite = ET.fromstring(junit_xml(grid))  # noqa: S314 - written one line above
    return {f"{c.get('classname')}/{c.get('name')}": c for c in suite.iter("testcase")}


def test_golden(grid: Grid, golden: Callable[[str, str], None]) -> None:
    golden("junit.xml", junit_xml(grid, timestamp="2026-11-02T10:00:00"))


def test_one_case_per_cell(grid: Grid, cases: dict[str, ET.Element]) -> None:
    """Class and name together are the cell's id."""
    assert list(cases) == [cell.cell.id for cell in grid.cells]


@pytest.mark.parametrize(
    ("cell", "element", "message"),
    [
        ("debian-12/s390x/plain", "failure", "import-failed at import"),
        ("debian-12/x86_64/threads", "failure", "pass at call; expected timeout: the emulator"),
        ("debian-12/s390x/threads", "skipped", "crashed at call; expected crashed: the emulator"),
        ("debian-13/x86_64/numpy", "skipped", "refused at wheel (tag-refused)"),
        ("debian-13/x86_64/plain", "error", "miss at wheel (infra:build)"),
        ("debian-13/riscv64/plain", "skipped", "not run"),
        ("debian-13/riscv64/pyyaml", "skipped", "may fail here: call-failed at call"),
    ],
)
def test_verdicts(cases: dict[str, ET.Element], cell: str, element: str, message: str) -> None:
    """An unexpected result fails, a miss is an error, an expected or allowed failure is skipped."""
    found = cases[cell].find(element)
    assert found is not None
    assert (found.get("message") or "").startswith(message)


def test_a_cell_that_is_not_believed_is_an_error(grid: Grid) -> None:
    """A pass of a column that missed a canary as well; other columns are as before."""
    missed = MissedCanary(canary="hang", expected="timeout", seen="pass")
    check = CanaryCheck(target="debian-12/x86_64", tried=("hang",), missed=(missed,))
    suite = ET.fromstring(junit_xml(marked_grid(grid.cells, (check,))))  # noqa: S314
    column = [case for case in suite.iter("testcase") if case.get("classname") == check.target]
    for case in column:
        found = case.find("error")
        assert found is not None
        assert found.get("type") == "canary"
        assert "is not believed: canary hang must be timeout" in str(found.get("message"))
    assert len(column) == len(list(suite.iter("error"))) - 1  # a miss of another column


def test_a_pass_has_only_its_log(cases: dict[str, ET.Element]) -> None:
    assert [child.tag for child in cases["debian-12/x86_64/plain"]] == ["system-out"]


def test_forbidden_characters_are_escaped(cases: dict[str, ET.Element]) -> None:
    """Newlines stay."""
    log = cases["debian-12/s390x/plain"].findtext("system-out") or ""
    assert r"\x1b[2J\x1b]0;owned\x07" in log
    assert r"second line \x00" in log.splitlines()[-1]


_COUNTS = {"tests", "failures", "errors", "time"}
ALLOWED = {
    "testsuites": ({"testsuite"}, {"name", *_COUNTS}),
    "testsuite": (
        {"testcase", "properties", "system-out", "system-err"},
        {"name", *_COUNTS, "skipped", "timestamp", "hostname", "id", "package"},
    ),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"},
        {"name", "classname", "time"},
    ),
    **dict.fromkeys(("skipped", "error", "failure"), (set[str](), {"type", "message"})),
    "system-out": (set[str](), set[str]()),
}
"""Element → children and attributes that Jenkins' ``junit-10.xsd`` takes of what CI tools write."""
REQUIRED = {"testsuite": {"name", "tests", "failures", "errors"}, "testcase": {"name"}}


def test_common_schema(grid: Grid) -> None:
    """Only elements, attributes and time formats of Jenkins' schema."""
    root = ET.fromstring(junit_xml(grid, timestamp="2026-11-02T10:00:00"))  # noqa: S314 - ours
    assert root.tag == "testsuites"
    for element in root.iter():
        children, attributes = ALLOWED[element.tag]
        assert {child.tag for child in element} <= children
        assert set(element.attrib) <= attributes
        assert REQUIRED.get(element.tag, set()) <= set(element.attrib)
        assert re.fullmatch(r"\d+(\.\d{1,3})?", element.get("time", "0"))


def test_counts(grid: Grid, cases: dict[str, ET.Element]) -> None:
    """The counts of the suite match its cases."""
    root = ET.fromstring(junit_xml(grid))  # noqa: S314 - ours
    for attribute, tag in (("failures", "failure"), ("errors", "error")):
        found = sum(case.find(tag) is not None for case in cases.values())
        assert root.get(attribute) == str(found) != "0"


def test_long_logs_keep_their_end() -> None:
    """A marker shows that lines are missing."""
    kept = tail("".join(f"line {n}\n" for n in range(1000)))
    assert kept.startswith("[…]\nline 900\n")
    assert kept.endswith("line 999\n")
    assert tail("short\n") == "short\n"


def _tested(outcome: Outcome, expected: Outcome | None = None) -> Grid:
    cases = (
        CaseResult(name="test_\x1b", classname="t.a", status=CaseStatus.FAILED, message="no\nat 1"),
        CaseResult(name="test_b", status=CaseStatus.ERROR),
        CaseResult(name="test_c", classname="t.a", status=CaseStatus.SKIPPED, message="later"),
        CaseResult(name="test_d", classname="t.a", status=CaseStatus.PASSED, seconds=0.5),
    )
    cell = make_cell(expectation=expect(expected) if expected else None)
    found = SuiteResult(passed=11, failed=1, errors=1, skipped=1, cases=cases)
    seen = replace(see(cell, outcome), stage=Stage.TEST, tests=found)
    return build_grid((cell,), [seen])


def test_own_tests_have_a_suite_per_cell(tests_of: Callable[[Grid], ET.Element]) -> None:
    """Their cases are named after the cell; what is not listed is counted."""
    suite = tests_of(_tested(Outcome.TEST_FAILED))
    assert suite.get("name") == "debian-12/s390x/plain"
    found = {case.get("name"): case for case in suite.iter("testcase")}
    assert found["test_d"].get("classname") == "debian-12/s390x/plain.t.a"
    assert [element.tag for element in found["test_d"]] == []
    (failure,) = found["test_\\x1b"]
    assert (failure.tag, failure.get("message"), failure.text) == ("failure", "no", "at 1")
    assert [found["test_b"][0].tag, found["test_c"][0].tag] == ["error", "skipped"]
    assert "10 of them are not listed" in (suite.findtext("system-out") or "")


def test_expected_failures_of_own_tests_are_skipped(
    tests_of: Callable[[Grid], ET.Element],
) -> None:
    """A cell that fails as expected does not fail the pipeline by its tests."""
    suite = tests_of(_tested(Outcome.TEST_FAILED, Outcome.TEST_FAILED))
    assert {e.tag for case in suite.iter("testcase") for e in case} == {"skipped"}


def test_document_with_own_tests_has_the_common_schema() -> None:
    """Jenkins reads it."""
    test_common_schema(_tested(Outcome.TEST_FAILED))


@pytest.fixture
def tests_of() -> Callable[[Grid], ET.Element]:
    """Return a function that finds the suite of a grid's only cell."""

    def found(grid: Grid) -> ET.Element:
        document = ET.fromstring(junit_xml(grid))  # noqa: S314 - written one line above
        _, suite = document.iter("testsuite")
        return suite

    return found
