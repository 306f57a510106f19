"""``--help`` agrees with the command line."""

import re

import click
import pytest

from harness.cli import COMMANDS as SUMMARIES
from harness.cli import commands, execute
from harness.cli.command import ExplainedCommand
from harness.cli.reference import leaves

COMMANDS = dict(leaves(commands))
NAMES = sorted(COMMANDS)


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` has a text and an example of the command."""
    assert execute([*name.split(), "--help"]) == 0
    said = capsys.readouterr().out
    assert "Example:" in said
    assert f"  wheelgrid {name}" in said


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_explained(name: str) -> None:
    """Every option has a help text."""
    command = COMMANDS[name]
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", NAMES)
def test_examples_parse(name: str) -> None:
    """Examples use only existing options."""
    command = COMMANDS[name]
    assert isinstance(command, ExplainedCommand)
    assert command.help
    options = {word for param in command.params for word in param.opts}
    for word in re.findall(r"(?<!\S)--?[a-z][a-z-]*", command.example):
        assert word in options, f"{word} in the example of {name}"


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_summary_is_the_first_sentence_of_the_command(name: str) -> None:
    """The list of commands, which imports none of them, has what each says of itself."""
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    first = (command.help or "").split("\n\n", maxsplit=1)[0]
    assert " ".join(first.split()) == SUMMARIES[name]
