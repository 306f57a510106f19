"""The reference of all commands, from their own ``--help``.

``python -m harness.cli.reference`` writes ``harness/guide/reference/commands.md`` again.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from harness.cli import commands

PAGE = Path(__file__).parents[1] / "guide" / "reference" / "commands.md"
_COLUMNS = 100
_HEAD = """\
# Commands

Each command prints this with `--help`. A cell is `TARGET/ARCH/SUBJECT`, as the grid prints it.
[Exit codes](exit-codes.md) are the same for all commands.

<!-- Written by `python -m harness.cli.reference`; a test compares it. -->
"""


def leaves(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its words, such as ``image build``."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, f"{path}{name} ")
        elif command is not None:
            yield f"{path}{name}", command


def commands_page() -> str:
    """Return the Markdown of the page."""
    sections = []
    for words, command in leaves(commands):
        context = click.Context(
            command,
            info_name=f"wheelgrid {words}",
            terminal_width=_COLUMNS,
            help_option_names=["-h", "--help"],
        )
        sections.append(f"## `{words}`\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
    return "\n".join([_HEAD, *sections])


if __name__ == "__main__":
    PAGE.write_text(commands_page(), "utf-8")
