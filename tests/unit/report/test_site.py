"""The static site, the badges and the feed."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from harness.core.cells import Outcome
from harness.report.atom import NAMESPACE, atom_feed
from harness.report.badge import BAD, GOOD, UNKNOWN, badge_svg, subject_badge
from harness.report.site import file_name, site_files
from harness.results.grid import Grid, Verdict
from harness.results.past import in_order, sightings, transitions
from harness.results.runfile import Circumstances, Run, record_run

RED = "debian-12/s390x/plain"
ATOM = f"{{{NAMESPACE}}}"


@pytest.fixture
def nights(grid: Grid) -> tuple[Run, Run]:
    """Two runs; in the second a cell regressed."""
    healed = Grid(
        cells=tuple(
            replace(
                c,
                verdict=Verdict.AS_EXPECTED,
                observation=replace(c.observation, outcome=Outcome.PASS),
            )
            if c.observation and c.cell.id == RED
            else c
            for c in grid.cells
        )
    )
    return (record_run(healed, at("2026-11-01")), record_run(grid, at("2026-11-02")))


def at(day: str) -> Circumstances:
    return Circumstances(harness="1", started_at=f"{day}T02:00:00+00:00", seconds=1, workers=2)


def test_links_lead_to_files_of_the_site(nights: tuple[Run, Run]) -> None:
    files = site_files(nights)
    for name, text in files.items():
        if not name.endswith(".html"):
            continue
        for href in re.findall(r'<a href="([^"]+)"', text):
            path = Path(name).parent / unquote(href.partition("#")[0])
            found = path.as_posix().removeprefix("./")
            while "../" in found:
                found = re.sub(r"[^/]+/\.\./", "", found, count=1)
            assert href.startswith("#") or found in files, (name, href)


def test_a_page_per_target_and_wheel(nights: tuple[Run, Run]) -> None:
    """Each wheel also has a badge."""
    files = site_files(nights)
    assert "targets/debian-12--s390x.html" in files
    assert "subjects/numpy.html" in files
    assert "works on 2/4" in files["badges/numpy.svg"]
    assert json.loads(files["run.json"])["schema"] == 1
    assert f"{RED}</a>" in files["history.html"]
    assert "regressed: pass → import-failed" in files["history.html"]


def test_listing_is_escaped(nights: tuple[Run, Run]) -> None:
    before, latest = nights
    cells = tuple(
        replace(c, observation=replace(c.observation, evidence="<script>alert(1)</script>\x1b"))
        if c.observation
        else c
        for c in latest.cells
    )
    page = site_files((before, replace(latest, cells=cells)))["subjects/plain.html"]
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\x1b" not in page


@pytest.mark.parametrize("key", ["../../etc/passwd", "..", ".", "a/b", "Ünï", "a--b", "a%2Fb", ""])
def test_names_stay_in_their_folder(key: str) -> None:
    """Page names of any subject are plain file names."""
    assert re.fullmatch(r"[\w~-][\w.~-]*", file_name(key), re.ASCII)


def test_transitions_are_newest_first(nights: tuple[Run, Run]) -> None:
    """Whatever the order of the files."""
    found = transitions(in_order([nights[1], nights[0], nights[1]]))
    assert [(t.when[:10], t.change.id, str(t.change.change)) for t in found] == [
        ("2026-11-02", RED, "regressed")
    ]


def test_sightings(nights: tuple[Run, Run]) -> None:
    """Oldest first; runs without the cell are skipped."""
    seen = sightings(nights)
    assert [s.outcome for s in seen[RED]] == [Outcome.PASS, Outcome.IMPORT_FAILED]
    assert "debian-13/riscv64/plain" not in seen


def test_feed(nights: tuple[Run, Run]) -> None:
    """Entries are valid in RFC 4287; a change keeps its id."""
    when = nights[1].circumstances.started_at
    text = atom_feed(transitions(nights), updated=when, url="https://example.invalid/grid/")
    again = atom_feed(transitions(nights), updated=when, url="https://example.invalid/grid/")
    assert text == again
    feed = ET.fromstring(text)  # noqa: S314 - written one line above
    assert [feed.findtext(f"{ATOM}{tag}") is not None for tag in ("title", "id", "updated")] == [
        True
    ] * 3
    (entry,) = feed.iter(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == f"regressed: {RED}"
    link = entry.find(f"{ATOM}link")
    assert link is not None
    assert link.get("href") == f"https://example.invalid/grid/#cell={RED}"
    assert "\\x1b[2J" in (entry.findtext(f"{ATOM}content") or "")


def test_badges(grid: Grid) -> None:
    """An unexpected result is red, misses are ignored, no result is "not known"."""
    by = {s.id: [c for c in grid.cells if c.cell.subject.id == s.id] for s in grid.subjects}
    assert (subject_badge("plain", by["plain"]).message) == "works on 1/2"
    assert subject_badge("plain", by["plain"]).colour == BAD
    assert subject_badge("numpy", by["numpy"]).colour == GOOD
    assert subject_badge("plain", []).colour == UNKNOWN
    ET.fromstring(badge_svg(subject_badge("<&>\x00", by["plain"])))  # noqa: S314 - ours
