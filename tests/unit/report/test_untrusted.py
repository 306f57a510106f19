"""Escaping and cutting untrusted text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from harness.report.untrusted import cut, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日本", "plain é 日本"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\tb\r\n\x00", r"a\tb\r\n\x00"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202eevil\u2066\u200b\ufeff", r"\u202eevil\u2066\u200b\ufeff"),
        ("\ud800", r"\ud800"),
        ("\u2028", r"\u2028"),
        ("  ::error::x", r"  \x3a:error::x"),
        ("std::x ##[add-mask]y", r"std::x #\x23[add-mask]y"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    """Characters that affect a terminal or reorder text, and workflow commands are escaped."""
    assert visible(text) == shown


def test_kept_characters_stay() -> None:
    """A log keeps its newlines."""
    assert visible("a\nb\tc\n::d::", keep="\n") == "a\nb\\tc\n\\x3a:d::"


@given(st.text())
def test_visible_survives_any_encoding(text: str) -> None:
    """The result can be encoded as ASCII, and escaping is idempotent."""
    shown = visible(text, encoding="ascii")
    assert shown.isascii()
    assert visible(shown, encoding="ascii") == shown


@given(st.text(st.characters(categories=("L", "N", "P", "Z", "S"))), st.integers(0, 30))
def test_cut_fits(text: str, width: int) -> None:
    """Wide characters count twice."""
    assert cell_len(cut(visible(text), width)) <= width


@pytest.mark.parametrize(("width", "left"), [(5, "abcde"), (4, "ab…e"), (1, "…"), (0, "")])
def test_cut_marks_the_loss(width: int, left: str) -> None:
    """Short text stays whole; a cut middle is marked."""
    assert cut("abcde", width) == left
