r"""Escape untrusted text, such as the output of a wheel or an installer.

Terminals obey escape sequences, bidirectional marks reorder text, XML forbids most control
characters, and GitHub obeys workflow commands in a log. Each is replaced by a visible escape:
``\x1b``.
"""

import re
import unicodedata

from rich.cells import cell_len, set_cell_size

# Cc control, Cf format (bidirectional marks, zero width), Cs lone surrogates,
# Zl and Zp line and paragraph separators, Co and Cn private and unassigned.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})

# "Workflow commands for GitHub Actions": a line that begins so, and the older form anywhere.
_COMMAND = re.compile(r"(?m)^(\s*):(?=:)|##(?=\[)")


def visible(text: str, *, keep: str = "", encoding: str = "utf-8") -> str:
    """Return ``text`` with every unsafe character escaped.

    Characters in ``keep`` stay (a log keeps its newlines); characters that ``encoding`` lacks are
    escaped too.
    """
    shown = without_commands(text if _is_harmless(text, keep) else _escaped(text, keep))
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def without_commands(text: str) -> str:
    """Return ``text`` in which GitHub finds no workflow command."""
    if "::" not in text and "##[" not in text:
        return text
    return _COMMAND.sub(lambda at: "#\\x23" if at[1] is None else f"{at[1]}\\x3a", text)


def cut(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return ``text`` in at most ``width`` terminal columns; an ellipsis replaces its middle."""
    if cell_len(text) <= width:
        return text
    room = width - cell_len(ellipsis)
    if room <= 0:
        return ellipsis[:width]
    head = set_cell_size(text, room - room // 2).rstrip()
    tail = set_cell_size(text[::-1], room // 2)[::-1].lstrip()
    return head + ellipsis + tail


def _is_harmless(text: str, keep: str) -> bool:
    # Printable text has no character of _UNSAFE. This check is fast; a large page has a million
    # strings.
    for char in keep:
        text = text.replace(char, "")
    return text.isprintable()


def _escaped(text: str, keep: str) -> str:
    return "".join(
        char if char in keep or unicodedata.category(char) not in _UNSAFE else _escape(char)
        for char in text
    )


def _escape(char: str) -> str:
    return char.encode("unicode-escape").decode()
