"""Broken matrix files; single mistakes are in tests/unit/cli/test_messages.py."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.matrix.files.file_shapes import FILES

Problems = Callable[..., list[str]]
WriteMatrix = Callable[..., Path]
Good = dict[str, str]


def test_the_valid_matrix_has_no_problem(problems: Problems) -> None:
    """The matrix that other tests break is valid."""
    assert problems() == []


def test_a_distribution_builder_needs_headers(problems: Problems, good: Good) -> None:
    """A target that is only pulled has no headers."""
    found = problems(
        builders=good["builders"] + "  - {id: own, kind: distribution, target: pulled}\n",
        targets=good["targets"]
        + "  - {id: pulled, title: t, python: '3.11', libc: glibc, interpreter: python3,\n"
        "     arches: [x86_64], registry: {image: 'i:1'}}\n",
    )
    assert [problem.partition(": ")[2] for problem in found] == [
        (
            "builders[1].target: 'pulled' is only pulled, so the headers of its Python are "
            "unavailable; give it a 'replica', or name a target that has one"
        )
    ]


def test_all_problems_of_all_files_at_once(problems: Problems) -> None:
    """In file order; the names of a broken entry are still checked."""
    rest = "reason: r, link: 'https://example.org'"
    found = problems(
        targets="targets: [}",
        builders="builder: []",
        expectations=f"expectations:\n- {{target: a, subject: plian, outcome: refusd, {rest}}}\n",
        profiles="profiles: [{name: A}, x]",
    )
    assert found == [
        (
            "matrix/targets.yaml:1:11: not YAML: while parsing a flow node "
            "expected the node content, but found '}'"
        ),
        "matrix/builders.yaml:1:1: unknown key 'builder'; did you mean 'builders'?",
        "matrix/builders.yaml:1:1: the key 'builders' is missing; add it, with a list below it",
        (
            "matrix/expectations.yaml:2:24: expectations[0].subject: no subject matches 'plian'; "
            "did you mean 'plain'?"
        ),
        (
            "matrix/expectations.yaml:2:40: expectations[0].outcome: unknown value 'refusd'; "
            "did you mean 'refused'?"
        ),
        (
            "matrix/profiles.yaml:1:19: profiles[0].name: 'A' is not valid here; write lower-case "
            "letters, digits, '.', '_' and '-', as `-k` can select it"
        ),
        "matrix/profiles.yaml:1:23: profiles[1]: must be a mapping, not the text 'x'",
    ]


@pytest.mark.parametrize(
    "name", ["interpreters", "namings", "builders", "expectations", "profiles", "policies"]
)
def test_optional_files_may_be_missing(problems: Problems, good: Good, name: str) -> None:
    """Without builders there can be no fixtures."""
    index_only = "subjects:\n" + good["subjects"][good["subjects"].index("  - id: markupsafe") :]
    assert problems(**{name: None, "subjects": index_only}) == []


def test_unreadable_file_gives_the_system_error(
    problems: Problems, write_matrix: WriteMatrix
) -> None:
    (write_matrix(profiles=None) / "profiles.yaml").mkdir()
    assert problems(profiles=None) == ["matrix/profiles.yaml: cannot be read: Is a directory"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 9)
    | st.floats(0, 9)
    | st.sampled_from(["x", "*", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["image", "suite", "s390x", "3.11"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_gives_our_own_messages(problems: Problems, data: st.DataObject) -> None:
    """No input causes a traceback or a message of pydantic."""
    name = data.draw(st.sampled_from(list(FILES)))
    keys = [field.alias or key for key, field in FILES[name].model_fields.items()]
    entry = data.draw(st.dictionaries(st.sampled_from(keys), VALUES))
    found = problems(**{name: f"{name}: [{json.dumps(entry)}]"})
    assert not [line for line in found if "Input" in line or "should" in line]
