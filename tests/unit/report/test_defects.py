"""Findings about wheels in every report, with the names of hostile members."""

import json
from dataclasses import replace

import pytest

from harness.core.subjects import WheelRef
from harness.core.wheel_findings import FindingCode, FindingList
from harness.report.html import html_page
from harness.report.markdown import markdown_summary
from harness.report.predictions import format_explanation
from harness.report.terminal import render_grid
from harness.results.grid import Grid
from harness.results.runfile import Circumstances, record_run, run_json

HOSTILE = "\x1b[2J\u202e|`x` <b>@nobody</b>\n# head"
WENT = Circumstances(harness="1.0", started_at="2026-11-02T10:00:00+00:00", seconds=1, workers=2)


@pytest.fixture
def defective(grid: Grid) -> Grid:
    """Return a grid whose first cell has a wheel with two findings."""
    findings = FindingList()
    findings.add(FindingCode.ODD_NAME, HOSTILE, "Its name holds control characters.")
    findings.add(FindingCode.DUPLICATE_MEMBER, "demo.py", "It is in the archive twice.")
    wheel = WheelRef(filename="demo-1.0-py3-none-any.whl", sha256="0", size=1, path="demo")
    first, *others = grid.cells
    assert first.observation
    seen = replace(first.observation, wheel=wheel, findings=findings.found())
    return Grid(cells=(replace(first, observation=seen), *others))


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_terminal_shows_findings_under_the_wheel(defective: Grid, encoding: str) -> None:
    """Each has its code, its member, who minds and the source, in lines of the terminal's width."""
    lines = render_grid(defective, width=100, encoding=encoding).plain.split("\n")
    at = lines.index("findings about wheels")
    assert lines[at + 1] == "  demo-1.0-py3-none-any.whl"
    shown = " ".join(line.strip() for line in lines[at + 2 : at + 8])
    assert r"odd-name: \x1b[2J\u202e|`x` <b>@nobody</b> # head: Its name holds control" in shown
    assert "duplicate-member: demo.py: It is in the archive twice. (package indexes" in shown
    assert max(map(len, lines)) <= 100


def test_no_section_without_findings(grid: Grid) -> None:
    assert "findings about wheels" not in render_grid(grid, width=100).plain
    assert "Findings about wheels" not in markdown_summary(grid)


def test_markdown_has_a_row_for_each(defective: Grid) -> None:
    """A hostile name ends no table cell and is no markup."""
    rows = [line for line in markdown_summary(defective).splitlines() if "demo&#45;1.0" in line]
    assert len(rows) == 2
    for row in rows:
        assert row.count("|") == 3
    assert "<b>" not in rows[0]
    assert "@" not in rows[0]


def test_page_has_them_escaped(defective: Grid) -> None:
    """Its data has them once, without characters that act on a terminal or in HTML."""
    page = html_page(record_run(defective, WENT))
    start = page.index('{"run"')
    data = json.loads(page[start : page.index("</script>", start)])
    none, found = sorted(data["findings"]["values"], key=len)
    assert none == []
    assert [each["code"] for each in found] == ["odd-name", "duplicate-member"]
    assert found[0]["file"].startswith(r"\x1b[2J\u202e|")
    assert "<b>@nobody" not in page


def test_run_file_has_them(defective: Grid) -> None:
    """As they were found, with the source and who minds."""
    document = json.loads(run_json(record_run(defective, WENT)))
    found = document["cells"][0]["observation"]["findings"]
    assert found[0]["file"] == HOSTILE
    assert found[1]["minded_by"] == "package indexes refuse"
    assert found[1]["source"].startswith("https://")


def test_explanation_names_them(defective: Grid) -> None:
    text = format_explanation(defective.cells[0], width=100)
    assert r"finding   odd-name: \x1b[2J" in text
    assert "finding   duplicate-member: demo.py" in text
