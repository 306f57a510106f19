r"""Escape untrusted text, such as the output of a wheel or an installer.

Terminals obey escape sequences, bidirectional marks reorder text, and XML forbids most control
characters. Each is replaced by a visible escape: ``\x1b``.
"""

import unicodedata

from rich.cells import cell_len, set_cell_size

# Cc control, Cf format (bidirectional marks, zero width), Cs lone surrogates,
# Zl and Zp line and paragraph separators, Co and Cn private and unassigned.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})


def visible(text: str, *, keep: str = "", encoding: str = "utf-8") -> str:
    """Return ``text`` with every unsafe character escaped.

    Characters in ``keep`` stay (a log keeps its newlines); characters that ``encoding`` lacks are
    escaped too.
    """
    shown = text if _is_harmless(text, keep) else _escaped(text, keep)
    return shown.encode(encoding, "backslashreplace").decode(encoding)


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
