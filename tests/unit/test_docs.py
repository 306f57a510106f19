"""The documents and the command line say the same."""

import re
from pathlib import Path

import click
import pytest

from harness.cli import commands, execute
from harness.cli.command import ExplainedCommand

README = Path(__file__).parents[2] / "README.md"


def leaves(group: click.Group, path: str = "") -> dict[str, click.Command]:
    """Return every command by its words, those of groups included."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        words = f"{path}{name}"
        inner = leaves(command, f"{words} ") if isinstance(command, click.Group) else {}
        found |= inner or {words: command}
    return found


COMMANDS = leaves(commands)
NAMES = sorted(COMMANDS)


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command explains itself, and shows an example that is a command line of its own."""
    assert execute([*name.split(), "--help"]) == 0
    said = capsys.readouterr().out
    assert "Example:" in said
    assert f"  wheelgrid {name}" in said


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_explained(name: str) -> None:
    """No option stands in the help without a sentence."""
    command = COMMANDS[name]
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", NAMES)
def test_examples_parse(name: str) -> None:
    """An example uses options that exist."""
    command = COMMANDS[name]
    assert isinstance(command, ExplainedCommand)
    assert command.help
    options = {word for param in command.params for word in param.opts}
    for word in re.findall(r"(?<!\S)--?[a-z][a-z-]*", command.example):
        assert word in options, f"{word} in the example of {name}"


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_names_every_command(name: str) -> None:
    """README shows each command by name."""
    assert f"wheelgrid {name}" in README.read_text()


def test_the_readme_names_no_other_command() -> None:
    """What README calls a command is one."""
    named = set(re.findall(r"`wheelgrid ([a-z]+)", README.read_text()))
    assert named <= set(commands.commands)
