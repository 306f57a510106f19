"""Positions in TOML files."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.problems import DataPath
from harness.matrix.files.tomltree import toml_tree, without_table

TEXT = '''\
# a comment with = and [brackets]
title = "a # no comment \\" ] }"
"quoted key".'other one' = 1
when = 1979-05-27 07:32:00   # a space inside
many = [
  "one",  # ] in a comment
  ["two", {deep = true, list = [1.5,]}],
]
long = """
x = 1
[no.header] """"
raw = \'\'\'it's''\'\'\'
empty = ""

[table.inner]
key = +inf

[[rows]]
id = "first"
[rows.below]
deeper.still = 0xff
[[rows]]
id = "second"
[[rows.nested]]
x = []
'''


def paths_of(data: Any, path: DataPath = ()) -> Iterator[DataPath]:  # noqa: ANN401 - any TOML
    yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from paths_of(value, (*path, key))
    elif isinstance(data, list):
        for at, value in enumerate(data):
            yield from paths_of(value, (*path, at))


def test_every_value_and_key_has_a_position() -> None:
    """As many as ``tomllib`` reads, and scalars as they are written."""
    tree = toml_tree("a.toml", TEXT)
    assert set(tree.values) == set(paths_of(tomllib.loads(TEXT)))
    assert {p for p in tree.values if p and isinstance(p[-1], str)} == set(tree.keys)
    for path, source in tree.sources.items():
        assert tomllib.loads(f"a = {source}")["a"] == _at(tree.data, path)


def _at(data: Any, path: DataPath) -> Any:  # noqa: ANN401 - any TOML
    for step in path:
        data = data[step]
    return data


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("title",), "2:9"),
        (("quoted key", "other one"), "3:28"),
        (("many", 1, 1, "list", 0), "7:33"),
        (("long",), "9:8"),
        (("table", "inner", "key"), "16:7"),
        (("rows", 0, "below", "deeper", "still"), "21:16"),
        (("rows", 1), "22:1"),
        (("rows", 1, "nested", 0, "x"), "25:5"),
    ],
)
def test_values_are_found_where_they_are_written(path: DataPath, place: str) -> None:
    """Lines and columns count from 1."""
    assert str(toml_tree("a.toml", TEXT).values[path]) == f"a.toml:{place}"


def test_keys_are_found_where_they_are_written() -> None:
    """Of a header, its name counts and not its bracket."""
    keys = toml_tree("a.toml", TEXT).keys
    found = [str(keys[path]) for path in [("title",), ("table", "inner"), ("rows",)]]
    assert found == ["a.toml:2:1", "a.toml:15:8", "a.toml:18:3"]


def test_paths_begin_below_the_table() -> None:
    """``pyproject.toml`` has other tables too."""
    tree = toml_tree("p", "[tool.other]\nx = 1\n[tool.wheelgrid]\ny = 2\n", ("tool", "wheelgrid"))
    assert tree.data == {"y": 2}
    assert {path: str(place) for path, place in tree.values.items()} == {
        (): "p:3:1",
        ("y",): "p:4:5",
    }


_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@given(st.dictionaries(_TEXTS, st.lists(_TEXTS, max_size=3), max_size=4))
def test_any_text_can_be_a_key_and_a_value(data: dict[str, list[str]]) -> None:
    """Quotes, backslashes and number signs inside strings end nothing."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    text = "".join(
        f"{quoted(key)} = [{', '.join(map(quoted, values))}]\n" for key, values in data.items()
    )
    tree = toml_tree("a.toml", text)
    assert set(tree.values) == set(paths_of(data))
    assert tree.texts == {
        (key, at): value for key, values in data.items() for at, value in enumerate(values)
    }


def test_a_table_is_cut_out_with_what_is_below_it() -> None:
    """Other tables stay, also between its parts; a header inside a string is none."""
    text = (
        '[a]\nx = """\n[tool.wheelgrid]\n"""\n[tool.wheelgrid]\ny = 1\n[b]\n'
        "[[tool.wheelgrid.rows]]\nid = 1\n[tool.wheelgrids]\n"
    )
    kept = '[a]\nx = """\n[tool.wheelgrid]\n"""\n[b]\n[tool.wheelgrids]\n'
    assert without_table(text, ("tool", "wheelgrid")) == kept
