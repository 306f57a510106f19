"""``junit.xml``: a grid in, the XML that continuous integration shows out.

One test case a cell, its class the target. A cell that is expected not to pass is
skipped with the reason, what is unexpected fails, what was missed is an error. The document
keeps to Jenkins' schema (``junit-10.xsd`` of its xunit plugin), the strictest in use.
"""

import xml.etree.ElementTree as ET

from harness.grid import Grid, GridCell, Verdict
from harness.model import Outcome
from harness.report.untrusted import visible

LOG_LINES = 100
LOG_CHARACTERS = 10_000


def junit_xml(grid: Grid, *, timestamp: str = "") -> str:
    """Return the document; characters that XML forbids are shown as escapes.

    ``timestamp``: when the run began, ISO 8601.
    """
    cases = [_case(cell) for cell in grid.cells]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "time": _seconds(sum(float(case.get("time", 0)) for case in cases)),
    }
    skipped = str(sum(case.find("skipped") is not None for case in cases))
    when = {"timestamp": timestamp} if timestamp else {}
    suites = ET.Element("testsuites", counts)
    suite = ET.SubElement(
        suites, "testsuite", {"name": "wheelgrid", **counts, "skipped": skipped, **when}
    )
    suite.extend(cases)
    ET.indent(suites)
    # An ElementTree says "us-ascii" of text; what is written of this is UTF-8.
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"
    )


def tail(log: str) -> str:
    """Return the end of ``log``: some viewers keep every log of a file in memory."""
    lines = log.splitlines(keepends=True)
    kept = "".join(lines[-LOG_LINES:])[-LOG_CHARACTERS:]
    return kept if kept == log else f"[…]\n{kept}"


def _case(cell: GridCell) -> ET.Element:
    seen = cell.observation
    case = ET.Element(
        "testcase", name=visible(cell.cell.subject.id), classname=cell.cell.target.key
    )
    if seen and "total" in seen.seconds:
        case.set("time", _seconds(seen.seconds["total"]))
    if mark := _mark(cell):
        tag, kind, message = mark
        attributes = {"type": visible(kind), "message": message}
        child = ET.SubElement(case, tag, {key: text for key, text in attributes.items() if text})
        child.text = visible(seen.evidence, keep="\n") if seen else ""
    if seen:
        ET.SubElement(case, "system-out").text = visible(tail(seen.log), keep="\n\t")
    return case


def _mark(cell: GridCell) -> tuple[str, str, str] | None:
    """Return what a case is marked with: element, type and message; None for a pass."""
    seen, message = cell.observation, _message(cell)
    match cell.verdict:
        case Verdict.AS_EXPECTED if cell.outcome is Outcome.PASS:
            return None
        case Verdict.AS_EXPECTED | Verdict.NOT_RUN:
            return ("skipped", "", message)
        case _ if cell.cell.target.allow_failure:
            return ("skipped", "", f"may fail here: {message}")
        case Verdict.MISS:
            return ("error", seen.cause if seen else "", message)
        case _:
            return ("failure", str(cell.outcome), message)


def _message(cell: GridCell) -> str:
    """Say what was seen and what the matrix expects, in one line."""
    seen = cell.observation
    if seen is None:
        return "not run: the run ended before its turn"
    line = f"{seen.outcome} at {seen.stage}"
    if seen.cause:
        line += f" ({seen.cause})"
    if expectation := cell.cell.expectation:
        line += f"; expected {expectation.outcome}: {expectation.reason} {expectation.link}"
    return visible(line)


def _seconds(spent: float) -> str:
    # The schema takes no more than three digits behind the point.
    return f"{spent:.3f}"
