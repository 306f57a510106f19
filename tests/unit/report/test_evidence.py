"""Untrusted text in lines of a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from harness.report.evidence import MOST_LINES, evidence_line, evidence_lines, without_site

SITE = "/tmp/cell/lib/python3/site-packages"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"relocating {SITE}/a/_b.so: f: not found", "relocating a/_b.so: f: not found"),
        (
            f"cannot import name 'x' ({SITE}/x/__init__.py)",
            "cannot import name 'x' (x/__init__.py)",
        ),
        (f"no folder {SITE}", f"no folder {SITE}"),
        (f"{SITE}/\x1b[2J", f"{SITE}/\\x1b[2J"),
        ("two\n  lines\x00", "two lines\\x00"),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    """Paths begin at the site directory; control characters are escaped."""
    assert evidence_line(text) == shown


def test_lines_of_text_stay_without_site() -> None:
    assert without_site(f"in {SITE}/a.py\n") == "in a.py\n"


def test_nothing_is_cut_without_a_width() -> None:
    assert evidence_lines("word " * 900, None) == [("word " * 900).strip()]


def test_a_long_text_keeps_both_ends() -> None:
    """It fills the lines that it may have."""
    lines = evidence_lines("the beginning " + "a-word " * 90 + "the end", 40)
    assert len(lines) == MOST_LINES
    assert lines[0].startswith("the beginning")
    assert lines[-1].endswith("the end")
    assert "…" in " ".join(lines)
    assert "..." in "".join(evidence_lines("x" * 500, 40, "ascii"))


@given(st.text(), st.integers(4, 60), st.sampled_from(["ascii", "utf-8"]))
def test_lines_fit(text: str, width: int, encoding: str) -> None:
    """Wide characters count twice; nothing is lost of a text that fits."""
    lines = evidence_lines(text, width, encoding)
    assert len(lines) <= MOST_LINES
    assert all(cell_len(line) <= width for line in lines)
    whole = evidence_line(text, encoding=encoding)
    if len(evidence_lines(text, width, encoding, most=10_000)) <= MOST_LINES:
        assert "".join("".join(lines).split()) == "".join(whole.split())
