r"""Text that a wheel or an installer printed: any string in, one that cannot act out.

A terminal obeys escape sequences, a bidirectional mark reorders what is read, and XML
forbids most control characters. Each is shown as what it is instead: ``\x1b``.
"""

import unicodedata

from rich.cells import cell_len, set_cell_size

# Cc control, Cf format (bidirectional marks, zero width), Cs lone surrogates,
# Zl and Zp line and paragraph separators, Co and Cn what no terminal agrees about.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})


def visible(text: str, *, keep: str = "", encoding: str = "utf-8") -> str:
    """Return ``text`` with every character that could act written as an escape.

    Characters in ``keep`` stay (a log keeps its newlines), and so does nothing that
    ``encoding`` cannot carry.
    """
    shown = text if _is_harmless(text, keep) else _escaped(text, keep)
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def cut(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return ``text`` in at most ``width`` terminal columns, its lost end marked."""
    if cell_len(text) <= width:
        return text
    room = width - cell_len(ellipsis)
    return set_cell_size(text, room).rstrip() + ellipsis if room > 0 else ellipsis[:width]


def _is_harmless(text: str, keep: str) -> bool:
    # What is printable to Python is nothing of _UNSAFE, and asking costs next to nothing: a
    # page of a large run has a million texts.
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
