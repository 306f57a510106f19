"""Shared options and recorded command lines."""

import pytest

from harness.cli import execute
from harness.cli.run_options import recorded_words
from harness.core.errors import ExitCode


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
    """Others can read ``run.json`` and the store."""
    assert recorded_words(["run", word]) == ("run", kept)


def test_invalid_mirror_in_the_environment_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message does not show its password."""
    monkeypatch.setenv("WHEELGRID_DEBIAN_MIRRORS", "u:secret@one.test/debian")
    assert execute(["run"]) == ExitCode.USAGE
    assert "secret" not in capsys.readouterr().err
