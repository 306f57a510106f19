"""Naming rules of ``harness/``: unique module and class names, a complete map."""

import ast
import re
import tomllib
from collections import Counter
from importlib import import_module
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


MAP = (HARNESS / "README.md").read_text("utf-8")
"""The one page about the code."""


def test_map_shows_the_floors_of_the_import_contract() -> None:
    """Every room stands on its floor, in the order in which rooms may import."""
    settings = tomllib.loads((HARNESS.parent / "pyproject.toml").read_text())["tool"][
        "importlinter"
    ]
    (layers,) = (each["layers"] for each in settings["contracts"] if each["type"] == "layers")
    rooms = {path.parent.name for path in HARNESS.glob("*/__init__.py")}
    floors = [sorted(rooms.intersection(layer.split(" | "))) for layer in layers]
    wanted = [floor for floor in floors if floor]
    shown: dict[str, list[str]] = {}
    for floor, room in re.findall(r"(?m)^ ?(\d+)  (\w+) ", MAP):
        shown.setdefault(floor, []).append(room)
    assert [sorted(floor) for floor in shown.values()] == wanted
    assert {room for floor in wanted for room in floor} == rooms


def test_map_names_functions_that_exist() -> None:
    """Every dotted name in the way of a cell is a function or class of that module."""
    names = re.findall(r"`([a-z_]+(?:\.\w+){2,})`", MAP)
    assert len(names) > 15
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(f"harness.{module}"), attribute), name


def test_map_names_files_that_exist() -> None:
    """Every path in the table of changes is a file or folder of the checkout."""
    paths = re.findall(r"`((?:harness|matrix|tests)/[\w./]*)`", MAP)
    assert len(paths) > 15
    assert [path for path in paths if not (HARNESS.parent / path).exists()] == []


def test_map_is_one_page() -> None:
    """At most 25 words are explained."""
    words = MAP.partition("## Words")[2]
    assert len(re.findall(r"(?m)^\| \w", words)) - 1 <= 25
    assert len(MAP.splitlines()) < 100


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


def test_rules_name_no_project() -> None:
    """No text in rules and judgements is a project of the corpus or of the matrix, or its package.

    What installers bring is known by name: images have it beside Python.
    """
    matrix = HARNESS.parent / "matrix"
    named = [
        name
        for file in ("corpus.yaml", "subjects.yaml", "subjects-150.txt")
        for name in re.findall(
            r"(?m)^(?:[ -]+(?:project|index): )?(\w[\w.-]*)(?:==.*)?$",
            (matrix / file).read_text("utf-8"),
        )
    ]
    projects = {_normal(name) for name in named} - {"pip", "setuptools"}
    assert len(projects) > 200
    texts = {
        (path.name, node.value)
        for room in ("predict", "probe", "wheels/archive")
        for path in (HARNESS / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert [(file, text) for file, text in texts if _normal(text) in projects] == []


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
