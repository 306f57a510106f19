"""What records keep of a command line."""

import pytest

from harness.cli import execute
from harness.cli.options import recorded_words
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
    """``run.json`` and the store are artifacts that others read."""
    assert recorded_words(["run", word]) == ("run", kept)


@pytest.mark.parametrize("command", [("run",), ("pins",), ("build",), ("doctor",)])
def test_a_mirror_that_is_no_address_is_a_mistake_of_the_command_line(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reported before anything is done, by option and by environment, without its password."""
    monkeypatch.setenv("WHEELGRID_DEBIAN_MIRRORS", "u:secret@one.test/debian")
    for words in (command, (*command, "--debian-mirror", "ftp://u:secret@one.test/debian")):
        assert execute([*words]) == ExitCode.USAGE
        said = capsys.readouterr()
        assert "write it as http://HOST/debian" in said.err
        assert "secret" not in said.err + said.out
