"""Print escaped messages for people, and unchanged data for programs."""

import sys
from collections.abc import Callable

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.report.untrusted import visible

__all__ = ["Console", "Say", "Table", "print_data", "say"]

Say = Callable[[str], None]


def _leave_to_caller(_: Console) -> None:
    raise BrokenPipeError


# rich exits with 1 if the reader of a pipe has gone, which here means unexpected results.
Console.on_broken_pipe = _leave_to_caller  # type: ignore[assignment,method-assign]


def say(message: str | Text, console: Console | None = None, *, end: str = "\n") -> None:
    """Print a message without wrapping it, on standard error unless ``console`` is given.

    Plain strings are escaped; a ``Text`` is escaped by the formatter that made it.
    """
    text = message if isinstance(message, Text) else Text(visible(message, keep="\n"))
    (console or Console(stderr=True)).print(text, end=end, soft_wrap=True)


def print_data(data: object, *, end: str = "\n") -> None:
    """Print a command's result on standard output: unchanged, or as a terminal can show it."""
    if sys.stdout.isatty():  # click would write UTF-8 to a terminal of ASCII
        sys.stdout.write(f"{data}{end}")
    else:
        click.echo(f"{data}{end}", nl=False)


def width_of(console: Console) -> int | None:
    """Return the columns of a terminal, or None for a file or a pipe, which has no limit."""
    return console.width if console.is_terminal else None


def encoding_of(console: Console) -> str:
    """Return ``utf-8`` if the console supports it, else ``ascii``."""
    return "ascii" if console.options.ascii_only else "utf-8"
