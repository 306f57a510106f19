"""Print escaped messages for people, and unchanged data for programs."""

from collections.abc import Callable

import click
import rich.console
from rich.table import Table
from rich.text import Text

from harness.report.untrusted import visible

__all__ = ["Console", "Say", "Table", "print_data", "say"]

Say = Callable[[str], None]


class Console(rich.console.Console):
    """A console that leaves a closed pipe to ``harness.cli``; rich exits with 1, "unexpected"."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def say(message: str | Text, console: Console | None = None, *, end: str = "\n") -> None:
    """Print a message without wrapping it, on standard error unless ``console`` is given.

    Plain strings are escaped; a ``Text`` is escaped by the formatter that made it.
    """
    text = message if isinstance(message, Text) else Text(visible(message, keep="\n"))
    (console or Console(stderr=True)).print(text, end=end, soft_wrap=True)


def print_data(data: object, *, end: str = "\n") -> None:
    """Print a command's result on standard output, unchanged."""
    click.echo(f"{data}{end}", nl=False)
