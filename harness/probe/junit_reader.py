"""Read the JUnit report of a test run (pure). Its bytes are untrusted.

Nothing is expanded or fetched: a document type declaration ends the reading. What is kept has
bounds; what was read before a fault counts.
"""

from collections import Counter
from xml.parsers import expat

from harness.core.own_tests import CaseResult, CaseStatus, SuiteResult

MOST_BYTES = 8 << 20
"""Of a report that are read."""
MOST_CASES = 2_000
"""Test cases that are kept; all are counted."""
MOST_TEXT = 256 << 10
"""Characters of all kept names and messages together."""
NAME_KEPT = 300
"""Characters."""
MESSAGE_KEPT = 500

_STATUS = {
    "failure": CaseStatus.FAILED,
    "error": CaseStatus.ERROR,
    "skipped": CaseStatus.SKIPPED,
}
_WORST = (CaseStatus.PASSED, CaseStatus.SKIPPED, CaseStatus.FAILED, CaseStatus.ERROR)


class _DoctypeError(Exception):
    """The report has a document type declaration."""


def read_junit(data: bytes) -> SuiteResult:
    """Return what a report says; a damaged one is read up to the fault."""
    reader, unread = _Reader(), ""
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(data[:MOST_BYTES], True)
    except _DoctypeError:
        unread = "it declares a document type"
    except (expat.ExpatError, ValueError, LookupError) as error:
        large = len(data) > MOST_BYTES
        unread = f"it has more than {MOST_BYTES >> 20} MiB" if large else f"it is no XML: {error}"
    return reader.result(unread[:MESSAGE_KEPT])


def _refuse_doctype(*_: object) -> None:
    raise _DoctypeError


class _Reader:
    """Collects test cases from the events of a parser."""

    def __init__(self) -> None:
        self._counts: Counter[CaseStatus] = Counter()
        self._bad: list[CaseResult] = []
        self._good: list[CaseResult] = []
        self._attributes: dict[str, str] | None = None
        """Of the open test case."""
        self._status = CaseStatus.PASSED
        self._message = ""
        self._in_message = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "testcase":
            self._attributes = attributes
            self._status, self._message = CaseStatus.PASSED, ""
        elif self._attributes is not None and name in _STATUS:
            status = _STATUS[name]
            self._in_message = _WORST.index(status) > _WORST.index(self._status)
            if self._in_message:
                self._status = status
                message = attributes.get("message", "")
                self._message = f"{message}\n"[:MESSAGE_KEPT] if message else ""

    def text(self, text: str) -> None:
        if self._in_message and len(self._message) < MESSAGE_KEPT:
            self._message = (self._message + text)[:MESSAGE_KEPT]

    def end(self, name: str) -> None:
        self._in_message = self._in_message and name not in _STATUS
        if name != "testcase" or self._attributes is None:
            return
        case = CaseResult(
            name=self._attributes.get("name", "")[:NAME_KEPT],
            classname=self._attributes.get("classname", "")[:NAME_KEPT],
            status=self._status,
            seconds=_seconds(self._attributes.get("time", "")),
            message=self._message.strip(),
        )
        self._attributes = None
        self._counts[case.status] += 1
        bad = case.status in (CaseStatus.FAILED, CaseStatus.ERROR)
        kept = self._bad if bad else self._good
        if len(kept) < MOST_CASES:
            kept.append(case)

    def result(self, unread: str) -> SuiteResult:
        cases, room = [], MOST_TEXT
        for case in (*self._bad, *self._good)[:MOST_CASES]:
            room -= len(case.name) + len(case.classname) + len(case.message)
            if room < 0:
                break
            cases.append(case)
        return SuiteResult(
            passed=self._counts[CaseStatus.PASSED],
            failed=self._counts[CaseStatus.FAILED],
            errors=self._counts[CaseStatus.ERROR],
            skipped=self._counts[CaseStatus.SKIPPED],
            cases=tuple(cases),
            unread=unread,
        )


def _seconds(text: str) -> float:
    try:
        found = float(text.replace(",", ""))
    except ValueError:
        return 0.0
    return round(found, 3) if 0 <= found < 1e6 else 0.0  # noqa: PLR2004 - nan and more than days
