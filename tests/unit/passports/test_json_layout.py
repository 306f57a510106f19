"""JSON formatted for review."""

import json

from hypothesis import given
from hypothesis import strategies as st

from harness.passports.json_layout import WIDTH, review_json

TEXTS = st.text(max_size=30)
DATA = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=6),
)


@given(DATA)
def test_data_is_unchanged(data: object) -> None:
    """Any data reads back from its text."""
    assert json.loads(review_json(data)) == data


def test_value_that_fits_is_one_line() -> None:
    """A value that fits is one line; another is broken at its own level only."""
    library = {"name": "libz.so.1", "path": "/usr/lib/libz.so.1.3", "needed": ["libc.so.6"]}
    assert "\n" not in review_json(library)
    lines = review_json({"python": "3.11.2", "libraries": [library, library, library]}).splitlines()
    assert lines[:3] == ["{", ' "python": "3.11.2",', ' "libraries": [']
    assert lines[3] == "  " + review_json(library) + ","
    assert lines[-2:] == [" ]", "}"]


def test_a_long_list_of_words_fills_lines() -> None:
    """Hundreds of tags are a few full lines within the limit."""
    tags = [f"manylinux_2_{number}_x86_64" for number in range(100)]
    lines = review_json(tags).splitlines()
    assert json.loads("\n".join(lines)) == tags
    assert max(map(len, lines)) <= WIDTH
    assert all(len(line) > WIDTH - 30 for line in lines[1:-2])


def test_one_changed_value_is_one_changed_line() -> None:
    """A changed library is one line of the diff."""
    before = review_json(
        [{"name": f"lib{n}.so.1", "path": "/usr/lib"} for n in range(9)]
    ).splitlines()
    after = review_json(
        [{"name": f"lib{n}.so.1", "path": "/opt" if n == 4 else "/usr/lib"} for n in range(9)]
    ).splitlines()
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
