"""Requirements as wheels write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wheels.dependencies.marker_environment import marker_environment
from harness.wheels.dependencies.requirements import (
    TEXT_KEPT,
    UnusableRequirementError,
    is_valid,
    parse_requirement,
    read_requirements,
)
from tests.support.passports import make_passport

ENVIRONMENT = marker_environment(make_passport(implementation="CPython"))

HOSTILE = {
    "digits": f"a>={'9' * 5000}",
    "brackets": f"a; {'(' * 20_000}",
    "nothing": "",
    "control": "a\x1b]0;pwned\x07",
    "legacy": "pytz (==dev)",
    "extra without a name": "a[,]",
    "undefined comparison": "a; python_version ~= 'x'",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_requirement_is_one_short_line(name: str) -> None:
    """Whatever a wheel writes, the message is one line of limited length."""
    with pytest.raises(UnusableRequirementError) as caught:
        read_requirements([HOSTILE[name]], ENVIRONMENT, ("demo 1.0",))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 3 * TEXT_KEPT


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(line: str) -> None:
    """No text causes another error."""
    try:
        read_requirements([line], ENVIRONMENT, ())
    except UnusableRequirementError:
        return
    parse_requirement(line)


def test_extras_are_projects_of_their_own() -> None:
    """``a[x,y]`` asks for the project and each extra."""
    found = read_requirements(["A[Y_1,x]>=1"], ENVIRONMENT, ("demo 1.0",))
    assert [(w.project, w.extra) for w in found] == [("a", ""), ("a", "x"), ("a", "y-1")]
    assert {w.story for w in found} == {"demo 1.0 → A[Y_1,x]>=1"}


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("pytz (>dev)", "pytz"),
        ("a>=5.1.*; 'x' > python_version", 'a>=5.1; "x" > python_version'),
    ],
)
def test_older_installers_read_what_newer_ones_refuse(line: str, read: str) -> None:
    """Pip before 24.1 takes a version without a number for older than every release."""
    assert str(parse_requirement(line)) == read
    assert not is_valid(line)
    assert is_valid(read)
