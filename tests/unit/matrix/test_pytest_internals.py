"""Private interfaces of pytest and xdist: each that is used has the shape that is relied on.

What the scheduler does with real workers is tested in tests/unit/test_glue.py.
"""

import tomllib
from importlib.metadata import version
from inspect import signature
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from xdist.scheduler.loadscope import LoadScopeScheduling

from harness.core.errors import UsageError
from harness.matrix.pytest_internals import ByTarget, compile_keyword

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("package", ["pytest", "pytest-xdist"])
def test_packages_are_bounded_from_above(package: str) -> None:
    """A new release cannot break private uses unseen; the installed one is within the bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [Requirement(line) for line in project["dependencies"]]
    (wanted,) = (each for each in requirements if each.name == package)
    assert any(specifier.operator == "<" for specifier in wanted.specifier)
    assert version(package) in wanted.specifier


@pytest.mark.parametrize(
    ("keyword", "meets"),
    [
        ("alpine", True),
        ("ALPINE and not debian", True),
        ("debian or (numpy and s390x)", True),
        ("debian", False),
    ],
)
def test_keyword_expression_is_evaluated_as_pytest_does(keyword: str, meets: bool) -> None:
    """``_pytest.mark.expression.Expression`` compiles, and evaluates with a matcher."""
    names = ("test_matrix.py", "test_cell[alpine-3.14/s390x/numpy]")
    assert compile_keyword(keyword)(names) is meets


@pytest.mark.parametrize(
    ("keyword", "message"), [("a and", "at column 6"), ("a(b=1)", "takes no arguments")]
)
def test_malformed_keyword_is_reported(keyword: str, message: str) -> None:
    """With its column, which pytest's own error has."""
    with pytest.raises(UsageError, match=message):
        compile_keyword(keyword)(("a",))


def test_scheduler_overrides_what_xdist_calls() -> None:
    """Every overridden method of the scheduler exists, and takes the same arguments."""
    for name in ("_assign_work_unit", "_split_scope", "remove_node"):
        ours, theirs = (signature(getattr(each, name)) for each in (ByTarget, LoadScopeScheduling))
        assert list(ours.parameters) == list(theirs.parameters)
