"""The rules of the house: every basename is used once, every room stands in the map."""

import ast
import re
from collections import Counter
from pathlib import Path

HARNESS = Path(__file__).parents[2] / "harness"
AFTER_WHAT_THEY_SHOW = {"cli", "report"}
"""Rooms whose modules are named after what they command or show."""


def test_a_basename_is_used_once() -> None:
    """The agent is a program of its own, and no part of the house."""
    places = (path.relative_to(HARNESS) for path in HARNESS.rglob("*.py"))
    names = Counter(
        place.name
        for place in places
        if place.name != "__init__.py"
        and place.parts[0] not in AFTER_WHAT_THEY_SHOW
        and place.parts[:2] != ("probe", "agent")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_the_map_shows_every_room() -> None:
    """One row of the table is one package directly below ``harness/``, and nothing else."""
    rows = re.findall(r"(?m)^\| \d+ \| `(\w+)/` \|", (HARNESS / "README.md").read_text("utf-8"))
    assert sorted(rows) == sorted(path.parent.name for path in HARNESS.glob("*/__init__.py"))


def test_a_class_name_is_used_once() -> None:
    """A name that is read in a message or a search leads to one place."""
    places: dict[str, list[str]] = {}
    for path in sorted(HARNESS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(HARNESS)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
