"""Reports of test runners, and what a hostile suite writes in their place."""

import pytest

from harness.core.own_tests import CaseResult, CaseStatus
from harness.probe.junit_reader import (
    MESSAGE_KEPT,
    MOST_BYTES,
    MOST_CASES,
    MOST_TEXT,
    NAME_KEPT,
    read_junit,
)

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite
name="pytest" errors="1" failures="1" skipped="1" tests="5" time="0.052">
<testcase classname="tests.test_a" name="test_ok" time="0.001" />
<testcase classname="tests.test_a" name="test_bad" time="0.002"><failure message="assert 1 == 2">
def test_bad(): ...</failure><system-out>printed</system-out></testcase>
<testcase classname="tests.test_a" name="test_skip" time="0.000"><skipped type="pytest.skip"
message="no" /></testcase>
<testcase classname="tests.test_a" name="test_error" time="0"><error message="failed on setup" />
</testcase><testcase classname="tests.test_a" name="test_both" time="0"><failure message="body" />
<error message="teardown" /></testcase>
</testsuite></testsuites>"""


def test_report_of_pytest_is_counted() -> None:
    """Every case has its status; those that did not pass come first, with their message."""
    found = read_junit(PYTEST)
    assert (found.passed, found.failed, found.errors, found.skipped) == (1, 1, 2, 1)
    assert str(found) == "1 failed, 2 errors, 1 passed, 1 skipped"
    assert [case.name for case in found.cases[:3]] == ["test_bad", "test_error", "test_both"]
    assert found.cases[0].message == "assert 1 == 2\n\ndef test_bad(): ..."
    assert found.cases[2].message == "teardown"
    assert found.cases[3] == CaseResult(
        name="test_ok", classname="tests.test_a", status=CaseStatus.PASSED, seconds=0.001
    )
    assert found.unread == ""


def test_document_type_is_refused() -> None:
    """No entity is expanded, and no file is read."""
    bomb = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">
    <!ENTITY c SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&b;&c;"/></testsuite>"""
    found = read_junit(bomb)
    assert (found.cases, found.unread) == ((), "it declares a document type")


@pytest.mark.parametrize(
    "data",
    [b"", b"no XML", b"<a>", b"\xff\xfe\x00", b'<?xml version="1.0" encoding="none"?><a/>',
     b"<testcase name='\x00'/>", b"<a><b></a>", b"<a>&undefined;</a>"],
)  # fmt: skip
def test_damaged_report_is_said(data: bytes) -> None:
    """What is no XML has no cases, and a reason."""
    found = read_junit(data)
    assert found.cases == ()
    assert found.unread.startswith("it is no XML: ")


def test_cases_before_a_fault_count() -> None:
    """A runner that was killed leaves a part of its report."""
    found = read_junit(PYTEST[: PYTEST.index(b"test_skip")])
    assert (found.passed, found.failed) == (1, 1)
    assert found.unread


def test_what_is_kept_has_bounds() -> None:
    """All cases are counted; a bounded number is kept, the failures first, and cut."""
    good = b"<testcase name='%s'/>" % (b"n" * 1000)
    bad = b"<testcase name='b'><failure>%s</failure></testcase>" % (b"m" * 5000)
    found = read_junit(b"<s>%b%b</s>" % (good * 3000, bad * 5))
    assert (found.passed, found.failed) == (3000, 5)
    assert [case.status for case in found.cases[:6]] == [CaseStatus.FAILED] * 5 + ["passed"]
    assert len(found.cases[0].message) == MESSAGE_KEPT
    assert len(found.cases[5].name) == NAME_KEPT
    assert sum(len(c.name) + len(c.message) for c in found.cases) <= MOST_TEXT
    many = read_junit(b"<s>%b</s>" % (b"<testcase name='x'/>" * 5000))
    assert (many.passed, len(many.cases)) == (5000, MOST_CASES)


def test_large_report_is_read_in_part() -> None:
    """The bytes that are read have a bound."""
    data = b"<s>" + b"<testcase name='x'/>" + b" " * MOST_BYTES + b"</s>"
    found = read_junit(data)
    assert (found.passed, found.unread) == (1, "it has more than 8 MiB")


def test_deep_report_is_read() -> None:
    """Depth costs nothing but its bytes."""
    depth = 200_000
    found = read_junit(b"<a>" * depth + b"<testcase name='x'/>" + b"</a>" * depth)
    assert found.passed == 1


@pytest.mark.parametrize("time", ["nan", "inf", "-1", "x", "1e99", ""])
def test_strange_times_are_none(time: str) -> None:
    """Only seconds that a test may take are kept."""
    (case,) = read_junit(f"<s><testcase name='x' time='{time}'/></s>".encode()).cases
    assert case.seconds == 0


def test_thousands_have_commas() -> None:
    """Some runners write 1,234.5 seconds."""
    (case,) = read_junit(b"<s><testcase name='x' time='1,234.5'/></s>").cases
    assert case.seconds == 1234.5


def test_text_outside_of_cases_is_ignored() -> None:
    """An error of the suite itself is no case."""
    found = read_junit(b"<s><error message='collection'/><properties/>text</s>")
    assert (found.total, str(found)) == (0, "no tests")
