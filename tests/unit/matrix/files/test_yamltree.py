"""YAML as data with places, and rejected YAML."""

import pytest

from harness.core.problems import Position
from harness.matrix.files.yamltree import MAX_BYTES, read_tree


def refusal(content: bytes) -> str:
    """Return the one problem of a file that cannot be read to its end."""
    tree, problems = read_tree("f.yaml", content)
    assert tree is None
    return str(problems[-1])


def test_values_keys_and_sources_have_their_places() -> None:
    """Lines and columns count from 1; a scalar keeps its source text."""
    tree, problems = read_tree("f.yaml", b"a:\n  - b: 3.10\n    c: [x, no]\n")
    assert problems == []
    assert tree is not None
    assert tree.data == {"a": [{"b": 3.1, "c": ["x", False]}]}
    assert tree.values["a", 0, "b"] == Position(file="f.yaml", line=2, column=8)
    assert tree.keys["a", 0, "c"] == Position(file="f.yaml", line=3, column=5)
    assert tree.sources["a", 0, "b"] == "3.10"
    assert tree.texts == {("a", 0, "c", 0): "x"}


def test_yaml_dates_are_text() -> None:
    """An impossible date causes no error."""
    tree, problems = read_tree("f.yaml", b"a: [2026-01-01, 2026-99-99]")
    assert problems == []
    assert tree is not None
    assert tree.data == {"a": ["2026-01-01", "2026-99-99"]}


def test_alias_has_the_value_and_place_of_its_anchor() -> None:
    tree, problems = read_tree("f.yaml", b"a: &x [1]\nb: *x\n")
    assert problems == []
    assert tree is not None
    assert tree.data == {"a": [1], "b": [1]}
    assert tree.values["b",].line == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"# nothing\n", b"---\n...\n", b"\xef\xbb\xbf"])
def test_an_empty_file(content: bytes) -> None:
    """A file of nothing, comments or document markers is empty."""
    assert "the file is empty" in refusal(content)


def test_alias_bomb_is_rejected() -> None:
    """Aliases count every time: nine levels of nine are 387 million nodes."""
    lines = ["l0: &l0 [1,1,1,1,1,1,1,1,1]"]
    lines += [f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "more than 20000 values, aliases followed" in refusal("\n".join(lines).encode())


@pytest.mark.parametrize("content", [b"a: &x [*x]", b"a: &x {b: *x}", b"a: &x [[[*x]]]"])
def test_recursive_alias_is_rejected(content: bytes) -> None:
    assert "an alias inside its own anchor" in refusal(content)


@pytest.mark.parametrize("content", [b"a: " + b"[" * 9000, b"a: " + b"{b: " * 9000])
def test_deep_nesting_is_rejected(content: bytes) -> None:
    assert "nested too deeply" in refusal(content)


def test_large_file_is_rejected_before_parsing() -> None:
    assert f"holds at most {MAX_BYTES}" in refusal(b"#" * (MAX_BYTES + 1))


def test_invalid_bytes_and_characters_have_a_place() -> None:
    latin = refusal("a: 1\nb: ä\n".encode("latin-1"))
    assert latin == "f.yaml:2:4: byte 0xe4 is not UTF-8; save the file as UTF-8"
    assert refusal(b"a: 1\nb: \x07").startswith("f.yaml:2:4: character")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b"a: !!python/name:os.system x",
            "a: tag !!python/name:os.system is not used here; remove it",
        ),
        (b"a: " + b"9" * 5000, f"a: '{'9' * 40}' is not a valid int; quote it if it is text"),
    ],
)
def test_problems_that_do_not_stop_reading(content: bytes, expected: str) -> None:
    """Later problems are reported too."""
    tree, problems = read_tree("f.yaml", content)
    assert tree is not None
    assert [str(problem).split(": ", 1)[1] for problem in problems] == [expected]
