"""Messages and data on the console."""

import io

import pytest

from harness.report.console import Console, print_data, say

LONG = "a [bold]long[/bold] line :smile: " + "x" * 200


def test_messages_are_escaped_and_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Markup, emoji codes and escape sequences have no effect, and lines do not wrap."""
    say(f"{LONG}\x1b[31m\nnext")
    assert capsys.readouterr() == ("", f"{LONG}\\x1b[31m\nnext\n")


def test_messages_go_to_the_console_of_a_run() -> None:
    page = io.StringIO()
    say("stored: run 1", Console(file=page, width=5))
    assert page.getvalue() == "stored: run 1\n"


def test_data_is_printed_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    print_data('{"a": "\u202e"}', end="")
    assert capsys.readouterr() == ('{"a": "\u202e"}', "")
