"""``junit.xml`` as continuous integration reads it."""

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from harness.grid import Grid
from harness.report.junit import junit_xml


@pytest.fixture
def cases(grid: Grid) -> dict[str, ET.Element]:
    suite = ET.fromstring(junit_xml(grid))  # noqa: S314 - written one line above
    return {f"{c.get('classname')}/{c.get('name')}": c for c in suite.iter("testcase")}


def test_golden(grid: Grid, golden: Callable[[str, str], None]) -> None:
    """The document is what it was when it was looked at."""
    golden("junit.xml", junit_xml(grid, timestamp="2026-11-02T10:00:00"))


def test_one_case_a_cell(grid: Grid, cases: dict[str, ET.Element]) -> None:
    """Every cell is a case; class and name together are its id."""
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
    """Unexpected fails, a miss is an error, and what is expected or allowed is skipped."""
    found = cases[cell].find(element)
    assert found is not None
    assert (found.get("message") or "").startswith(message)


def test_a_pass_has_no_mark(cases: dict[str, ET.Element]) -> None:
    """An expected pass holds its log and nothing else."""
    assert [child.tag for child in cases["debian-12/x86_64/plain"]] == ["system-out"]


def test_forbidden_characters_are_shown(cases: dict[str, ET.Element]) -> None:
    """What XML forbids is there as an escape, and lines stay lines."""
    log = cases["debian-12/s390x/plain"].findtext("system-out") or ""
    assert r"\x1b[2J\x1b]0;owned\x07" in log
    assert r"second line \x00" in log.splitlines()[-1]
