"""Render a grid as ``junit.xml`` for continuous integration.

Each cell is a test case; its class is the target. An expected failure is skipped with the reason,
an unexpected result fails. A miss is an error, and so is a cell whose column missed a canary. A
cell whose project's own tests ran has a suite of its own, with their cases. The document is valid
in Jenkins' schema (``junit-10.xsd`` of its xunit plugin), the strictest in use.
"""

import xml.etree.ElementTree as ET

from junit_xml import TestCase, TestSuite, to_xml_report_string

from harness.core.cells import Outcome
from harness.core.own_tests import CaseResult, CaseStatus
from harness.report.canary_lines import format_missed
from harness.report.untrusted import visible
from harness.results.grid import Grid, GridCell, Verdict

LOG_LINES = 100
LOG_CHARACTERS = 10_000


def junit_xml(grid: Grid, *, timestamp: str = "") -> str:
    """Return the document; characters that XML forbids are escaped.

    ``timestamp``: start of the run, ISO 8601.
    """
    cases = [_case(cell) for cell in grid.cells]
    suites = [TestSuite("wheelgrid", cases, timestamp=timestamp or None)]
    suites += [suite for cell in grid.cells if (suite := _own_suite(cell))]
    return _to_schema(to_xml_report_string(suites, encoding="utf-8", prettyprint=False))


def _to_schema(xml: str) -> str:
    """Return the library's document in Jenkins' schema.

    junit-xml 1.9 writes the attribute ``disabled``, which that schema does not have, and times with
    more than the three digits that it allows.
    """
    suites = ET.fromstring(xml)  # noqa: S314 - written by the library a line above
    for element in suites.iter():
        element.attrib.pop("disabled", None)
        if "time" in element.attrib:
            element.set("time", f"{float(element.attrib['time']):.3f}")
    ET.indent(suites)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"
    )


def _case(cell: GridCell) -> TestCase:
    seen = cell.observation
    case = TestCase(
        name=visible(cell.cell.subject.id),
        classname=cell.cell.target.key,
        elapsed_sec=seen.seconds.get("total") if seen else None,
        stdout=visible(tail(seen.log), keep="\n\t") if seen else None,
    )
    message, evidence = _message(cell), visible(seen.evidence, keep="\n") if seen else ""
    match cell.verdict:
        case _ if cell.missed and not cell.cell.target.allow_failure:
            words = "\n".join(format_missed(cell.cell.target.key, each) for each in cell.missed)
            case.add_error_info(words, evidence, error_type="canary")
        case Verdict.AS_EXPECTED if cell.outcome is Outcome.PASS:
            pass
        case Verdict.AS_EXPECTED | Verdict.NOT_RUN:
            case.add_skipped_info(message, evidence)
        case _ if cell.cell.target.allow_failure:
            case.add_skipped_info(f"may fail here: {message}", evidence)
        case Verdict.MISS:
            case.add_error_info(message, evidence, error_type=seen.cause if seen else None)
        case _:
            case.add_failure_info(message, evidence, failure_type=str(cell.outcome))
    return case


def _own_suite(cell: GridCell) -> TestSuite | None:
    """Return the suite of a project's own tests; None if none ran.

    Of an expected result a failed case is skipped, as its cell is.
    """
    found = cell.observation.tests if cell.observation else None
    if found is None or not found.total:
        return None
    cases = [_own_case(cell, case) for case in found.cases]
    left = found.total - len(found.cases)
    note = f"{found}; {left} of them are not listed" if left else None
    return TestSuite(visible(cell.cell.id), cases, stdout=note)


def _own_case(cell: GridCell, seen: CaseResult) -> TestCase:
    classname = ".".join(filter(None, (cell.cell.id, seen.classname)))
    case = TestCase(name=visible(seen.name), classname=visible(classname), elapsed_sec=seen.seconds)
    words = seen.message or str(seen.status)  # the library leaves out what has no message
    message, _, text = visible(words, keep="\n").partition("\n")
    match seen.status:
        case CaseStatus.PASSED:
            pass
        case CaseStatus.FAILED if cell.affects_exit_code:
            case.add_failure_info(message, text)
        case CaseStatus.ERROR if cell.affects_exit_code:
            case.add_error_info(message, text)
        case _:
            case.add_skipped_info(message, text)
    return case


def tail(log: str) -> str:
    """Return the end of ``log``, because some viewers keep all logs of a file in memory."""
    lines = log.splitlines(keepends=True)
    kept = "".join(lines[-LOG_LINES:])[-LOG_CHARACTERS:]
    return kept if kept == log else f"[…]\n{kept}"


def _message(cell: GridCell) -> str:
    seen = cell.observation
    if seen is None:
        return "not run: the run ended before this cell"
    line = f"{seen.outcome} at {seen.stage}"
    if seen.cause:
        line += f" ({seen.cause})"
    if expectation := cell.cell.expectation:
        line += f"; expected {expectation.outcome}: {expectation.reason} {expectation.link}"
    return visible(line)
