"""Naming rules of ``harness/``: unique module and class names, a complete map."""

import ast
import re
from collections import Counter
from pathlib import Path

HARNESS = Path(__file__).parents[2] / "harness"
AFTER_WHAT_THEY_SHOW = {"cli", "report"}
"""Rooms whose modules are named after their command or report."""


def test_a_basename_is_used_once() -> None:
    """The agent is a separate program and is exempt."""
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
    """The table has one row per package directly below ``harness/``."""
    rows = re.findall(r"(?m)^\| \d+ \| `(\w+)/` \|", (HARNESS / "README.md").read_text("utf-8"))
    assert sorted(rows) == sorted(path.parent.name for path in HARNESS.glob("*/__init__.py"))


def test_a_class_name_is_used_once() -> None:
    """A class name in a message or a search has one definition."""
    places: dict[str, list[str]] = {}
    for path in sorted(HARNESS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(HARNESS)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_test_imports_a_test_or_a_conftest() -> None:
    """Shared code of tests is in ``tests/support``."""
    pattern = re.compile(r"(?m)^\s*(?:from|import) (?!harness)(?:\S+\.)?(?:conftest|test_\w+)\b")
    tests = HARNESS.with_name("tests").rglob("*.py")
    assert [str(path) for path in tests if pattern.search(path.read_text("utf-8"))] == []
