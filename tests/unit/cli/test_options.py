"""What records keep of a command line."""

import pytest

from harness.cli.options import recorded_words


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("http://u:secret@one.test:8080/debian", "http://one.test:8080/debian"),
        ("--debian-mirror=https://token@one.test/d", "--debian-mirror=https://one.test/d"),
        ("https://one.test/debian", "https://one.test/debian"),
        ("debian-12/x86_64/plain", "debian-12/x86_64/plain"),
    ],
)
def test_no_password_is_kept(word: str, kept: str) -> None:
    """``run.json`` and the store are artifacts that others read."""
    assert recorded_words(["run", word]) == ("run", kept)
