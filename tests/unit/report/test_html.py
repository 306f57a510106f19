"""The HTML page as a document; tests/integration/test_page.py opens it in a browser."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from harness.core.cells import Outcome
from harness.core.own_tests import CaseResult, CaseStatus, SuiteResult
from harness.report.html import format_moment, html_page, luminance, outcome_style
from harness.report.pagedata import LOG_CHARACTERS, MOST_CASES, embeddable
from harness.results.compare import compare_grids
from harness.results.grid import Grid
from harness.results.past import PastResult, RunHistory
from harness.results.runfile import Circumstances, Run, record_run

WENT = Circumstances(harness="1.0", started_at="2026-11-02T10:00:00+00:00", seconds=1, workers=2)


@pytest.fixture
def run(grid: Grid) -> Run:
    return record_run(grid, WENT)


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        self.scripts += tag == "script"


def data_of(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    document = json.loads(found[1])
    assert isinstance(document, dict)
    return document


def test_page_loads_nothing(run: Run) -> None:
    """No element has an external address, and the policy forbids it."""
    page = _Elements()
    page.feed(html_page(run))
    sources = [value for name, value in page.attributes if name in ("src", "href", "srcset")]
    assert sorted(map(str, sources)) == ["#grid", "data:,"]
    policy = next(v for n, v in page.attributes if n == "content" and v and "default-src" in v)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_text_of_a_wheel_cannot_end_its_element(run: Run) -> None:
    """The page has exactly its two scripts."""
    page = _Elements()
    page.feed(html_page(run))
    assert page.scripts == 2
    document = json.dumps("</script><!-- & \u2028", ensure_ascii=False)
    assert embeddable(document) == '"\\u003c/script\\u003e\\u003c!-- \\u0026 \\\\u2028"'


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        (r"\x1b", r"\x1b"),
        ("\\\x1b", r"\\x1b"),
        ('"\\', '"\\'),
        ("a\n\tb\r\f\x7f", "a\n\tb" + r"\r\x0c\x7f"),
        ("é → 🎡 \u202e", "é → 🎡 " + r"\u202e"),
    ],
)
def test_unsafe_text_is_escaped_in_json(said: str, shown: str) -> None:
    """Other text is unchanged."""
    document = json.dumps([said, said], ensure_ascii=False)
    assert json.loads(embeddable(document)) == [shown, shown]


def test_data_has_every_cell(run: Run, grid: Grid) -> None:
    """Control characters are escaped."""
    data = data_of(html_page(run))
    document = data["run"]
    assert isinstance(document, dict)
    assert [f"{c['target']}/{c['subject']}" for c in document["cells"]] == [
        c.cell.id for c in grid.cells
    ]
    text = json.dumps(document)
    assert r"\\x1b[2J" in text
    assert r"\u001b" not in text


def test_paths_in_evidence_begin_at_the_site_directory(wide_grid: Grid) -> None:
    """The rest of the evidence is unchanged."""
    text = json.dumps(data_of(html_page(record_run(wide_grid, WENT)))["run"])
    assert "relocating cachebox/_core.cpython-311-x86_64-linux-musl.so: posix_fallocate64:" in text
    assert "/tmp/cell" not in text


def test_long_logs_keep_their_end(run: Run) -> None:
    """So that a page of thousands of cells still opens."""
    cell = next(c for c in run.cells if c.observation and c.observation.outcome is Outcome.CRASHED)
    long = "x" * LOG_CHARACTERS * 2 + "the end"
    text = json.dumps(run_with_log(run, cell.target, cell.subject, long))
    assert "the end" in text
    assert len(text) < LOG_CHARACTERS * 2


def run_with_log(run: Run, target: str, subject: str, log: str) -> object:
    cells = tuple(
        replace(c, observation=replace(c.observation, log=log))
        if c.observation and (c.target, c.subject) == (target, subject)
        else c
        for c in run.cells
    )
    document = data_of(html_page(replace(run, cells=cells)))["run"]
    assert isinstance(document, dict)
    return next(c for c in document["cells"] if (c["target"], c["subject"]) == (target, subject))


def test_history(run: Run, grid: Grid) -> None:
    """The data has changes against another run and earlier results."""
    cell = "debian-12/s390x/plain"
    past = RunHistory(
        base="last night",
        comparison=compare_grids(Grid(cells=grid.cells[:3]), grid),
        history={cell: (PastResult(when="2026-11-01T10:00:00+00:00", outcome=Outcome.PASS),)},
    )
    data = data_of(html_page(run, past))
    assert data["base"] == "last night"
    assert isinstance(data["changes"], dict)
    assert data["changes"][cell]["kind"] == "new"
    assert isinstance(data["history"], dict)
    assert data["history"][cell] == [0]
    assert data["sightings"] == [{"when": "2026-11-01T10:00:00+00:00", "outcome": "pass"}]


def test_contrast_of_solid_marks() -> None:
    """At least 3 to 1 (WCAG 2)."""
    pairs = re.findall(r"--hue: (#\w{6}); --on: (#\w{6})", outcome_style())
    assert len(pairs) == len(Outcome)
    for pair in pairs:
        dark, bright = sorted(map(luminance, pair))
        assert (bright + 0.05) / (dark + 0.05) >= 3, pair


def test_moment() -> None:
    """Other text than a time is unchanged."""
    assert format_moment("2026-11-02T10:00:00+00:00") == "2 November 2026, 10:00 UTC"
    assert format_moment("soon") == "soon"


def test_page_has_the_failed_cases_of_own_tests(run: Run) -> None:
    """Of thousands of cases that pass, the page has the count."""
    cell = next(cell for cell in run.cells if cell.observation)
    assert cell.observation
    cases = [CaseResult(name="bad", status=CaseStatus.FAILED)] * 99
    cases += [CaseResult(name="good", status=CaseStatus.PASSED)]
    tests = SuiteResult(passed=2000, failed=99, cases=tuple(cases))
    tested = replace(cell, observation=replace(cell.observation, tests=tests))
    text = json.dumps(data_of(html_page(replace(run, cells=(tested,)))))
    assert text.count('"name": "bad"') == MOST_CASES
    assert '"passed": 2000' in text
    assert '"good"' not in text
