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


@pytest.mark.parametrize("option", ["--timeout", "--test-timeout"])
@pytest.mark.parametrize("seconds", ["nan", "inf", "1e300", "0", "-1"])
def test_time_limit_is_a_number_of_seconds(option: str, seconds: str) -> None:
    """What no clock can wait for is an error before anything runs."""
    assert execute(["check", "x.whl", "--test", "pytest", option, seconds]) == ExitCode.USAGE


def test_invalid_mirror_in_the_environment_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message does not show its password."""
    monkeypatch.setenv("WHEELGRID_DEBIAN_MIRRORS", "u:secret@one.test/debian")
    assert execute(["run"]) == ExitCode.USAGE
    assert "secret" not in capsys.readouterr().err
