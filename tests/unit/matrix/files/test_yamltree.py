"""YAML as data with places, and YAML that is refused."""

import pytest

from harness.core.problems import Position
from harness.matrix.files.yamltree import MAX_BYTES, read_tree


def refusal(content: bytes) -> str:
    """Return the one problem of a file that cannot be read to its end."""
    tree, problems = read_tree("f.yaml", content)
    assert tree is None
    return str(problems[-1])


def test_values_keys_and_sources_have_their_places() -> None:
    """Lines and columns count from 1; a scalar keeps how it was written."""
    tree, problems = read_tree("f.yaml", b"a:\n  - b: 3.10\n    c: [x, no]\n")
    assert problems == []
    assert tree is not None
    assert tree.data == {"a": [{"b": 3.1, "c": ["x", False]}]}
    assert tree.values["a", 0, "b"] == Position(file="f.yaml", line=2, column=8)
    assert tree.keys["a", 0, "c"] == Position(file="f.yaml", line=3, column=5)
    assert tree.sources["a", 0, "b"] == "3.10"
    assert tree.texts == {("a", 0, "c", 0): "x"}


def test_what_yaml_1_1_takes_for_a_date_is_text() -> None:
    """A day is no type of the matrix, and an impossible one no crash."""
    tree, problems = read_tree("f.yaml", b"a: [2026-01-01, 2026-99-99]")
    assert problems == []
    assert tree is not None
    assert tree.data == {"a": ["2026-01-01", "2026-99-99"]}


def test_an_alias_stands_for_its_value_in_both_places() -> None:
    """What an alias repeats is data like any other, placed where it is written."""
    tree, problems = read_tree("f.yaml", b"a: &x [1]\nb: *x\n")
    assert problems == []
    assert tree is not None
    assert tree.data == {"a": [1], "b": [1]}
    assert tree.values["b",].line == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"# nothing\n", b"---\n...\n", b"\xef\xbb\xbf"])
def test_an_empty_file(content: bytes) -> None:
    """Nothing, comments and markers alone are told as empty."""
    assert "the file is empty" in refusal(content)


def test_a_small_file_that_stands_for_a_huge_one() -> None:
    """Nodes are counted through aliases: nine levels of nine would be 387 million."""
    lines = ["l0: &l0 [1,1,1,1,1,1,1,1,1]"]
    lines += [f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "more than 20000 values, aliases followed" in refusal("\n".join(lines).encode())


@pytest.mark.parametrize("content", [b"a: &x [*x]", b"a: &x {b: *x}", b"a: &x [[[*x]]]"])
def test_an_alias_inside_what_it_refers_to(content: bytes) -> None:
    """A value without end is refused."""
    assert "an alias that stands inside what it refers to" in refusal(content)


@pytest.mark.parametrize("content", [b"a: " + b"[" * 9000, b"a: " + b"{b: " * 9000])
def test_nesting_without_end(content: bytes) -> None:
    """Depth is refused before it costs the process its stack."""
    assert "nested too deeply" in refusal(content)


def test_a_file_past_the_limit() -> None:
    """The limit holds before anything is parsed."""
    assert f"holds at most {MAX_BYTES}" in refusal(b"#" * (MAX_BYTES + 1))


def test_bytes_that_are_not_utf_8_and_characters_that_are_not_yaml() -> None:
    """Both are shown where they stand."""
    latin = refusal("a: 1\nb: ä\n".encode("latin-1"))
    assert latin == "f.yaml:2:4: byte 0xe4 is not UTF-8; save the file as UTF-8"
    assert refusal(b"a: 1\nb: \x07").startswith("f.yaml:2:4: character")


def test_syntax_errors_and_two_documents() -> None:
    """The parser's own place is kept."""
    assert refusal(b"a: [1\nb: 2").startswith("f.yaml:2:2: not YAML: while parsing a flow")
    assert refusal(b"a: 1\n---\nb: 2\n").startswith("f.yaml:2:1: not YAML: expected a single")
    assert "undefined alias" in refusal(b"a: *x")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b"a: !!python/name:os.system x",
            "a: tag !!python/name:os.system is not used here; remove it",
        ),
        (b"a: !x {b: 1}", "a: tag !x is not used here; remove it"),
        (b"a: !!set {b}", "a: tag !!set is not used here; remove it"),
        (b"a: !!int x", "a: 'x' is no int; quote it if it is text"),
        (b"a: !!bool x", "a: 'x' is no bool; quote it if it is text"),
        (b"a: " + b"9" * 5000, f"a: '{'9' * 40}' is no int; quote it if it is text"),
        (b"a: 1\na: 2", "key 'a' stands here twice, first in line 1; remove one"),
        (b"3.10: 2", 'key 3.10 is not text; quote it: "3.10"'),
        (b"[a]: 2", "a key must be text"),
    ],
)
def test_what_is_told_while_the_rest_is_read(content: bytes, expected: str) -> None:
    """The tree goes on after these, so that the other problems are told too."""
    tree, problems = read_tree("f.yaml", content)
    assert tree is not None
    assert [str(problem).split(": ", 1)[1] for problem in problems] == [expected]
