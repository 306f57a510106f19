"""Show untrusted text, such as evidence, in lines of a given width.

An error says at its end what went wrong, so the end is always shown.
"""

import re

from rich.text import Text

from harness.core.observations import CELL_SITE
from harness.report.console import Console
from harness.report.untrusted import cut, visible, without_commands

MOST_LINES = 6
"""Maximum lines of one text on a terminal; without a width, nothing is cut."""
_SITE = re.compile(rf"{CELL_SITE}(?=[\w.])")
_CONSOLE = Console()


def without_site(text: str) -> str:
    """Return ``text`` with file paths relative to the site directory of the cell."""
    return _SITE.sub("", text)


def evidence_line(text: str, *, encoding: str = "utf-8") -> str:
    """Return ``text`` escaped and in one line, with file paths relative to the site directory."""
    return visible(" ".join(without_site(text).split()), encoding=encoding)


def evidence_lines(
    text: str, width: int | None, encoding: str = "utf-8", *, most: int = MOST_LINES
) -> list[str]:
    """Return ``text`` in lines of at most ``width`` columns; None: in one line.

    A text of more than ``most`` lines loses its middle.
    """
    line = evidence_line(text, encoding=encoding)
    if width is None or not line:
        return [line] if line else []
    ellipsis = "..." if encoding == "ascii" else "…"
    room = width * most
    while len(lines := _wrapped(cut(line, room, ellipsis=ellipsis), width)) > most:
        room -= max(1, width // 8)
    return lines


def indented(text: str, indent: int, width: int | None, encoding: str) -> list[Text]:
    """Return the lines of ``text`` with blanks before each, in ``width`` columns together."""
    room = None if width is None else width - indent
    # A line may begin with what looks like a command only after it is wrapped.
    return [
        Text(" " * indent + without_commands(line)) for line in evidence_lines(text, room, encoding)
    ]


def _wrapped(line: str, width: int) -> list[str]:
    return [part.plain.rstrip() for part in Text(line).wrap(_CONSOLE, width, overflow="fold")]
