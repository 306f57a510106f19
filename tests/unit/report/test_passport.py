"""Passports as text and JSON."""

import json

from harness.report.passport import format_passport, passport_json
from harness.results.grid import Grid
from tests.support.passports import make_passport

PASSPORT = make_passport(
    tags=tuple(f"cp311-cp311-manylinux_2_{minor}_s390x" for minor in (36, 35, 34, 33, 32)),
    installer="pip 23.0.1\x1b[2J",
)


def test_text(grid: Grid) -> None:
    """A line per field, escaped; the long list of tags is cut."""
    text = format_passport(grid.targets[1], PASSPORT)
    assert text.startswith("debian-12/s390x\n  python              3.11.2\n")
    assert "  elf little          no\n" in text
    assert "_34_s390x and 2 more" in text
    assert r"pip 23.0.1\x1b[2J" in text


def test_json(grid: Grid) -> None:
    """One line with all fields."""
    line = passport_json(grid.targets[1], PASSPORT)
    assert "\n" not in line
    document = json.loads(line)
    assert document["target"] == "debian-12/s390x"
    assert document["tags"] == list(PASSPORT.tags)
