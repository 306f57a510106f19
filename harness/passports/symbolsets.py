"""Symbol sets by their content: symbols in, an id and a text out, and back.

Many libraries of many targets export the same; each set is kept once.
"""

import hashlib
from collections.abc import Iterable

_DIGITS = 16


def set_text(symbols: Iterable[str]) -> str:
    """Return a set as it is kept: one symbol a line, sorted, each once."""
    return "".join(f"{symbol}\n" for symbol in sorted(set(symbols)))


def set_id(symbols: Iterable[str]) -> str:
    """Return the hexadecimal digits that stand for a set."""
    return hashlib.sha256(set_text(symbols).encode()).hexdigest()[:_DIGITS]


def read_set(text: str) -> frozenset[str]:
    """Return the symbols of a set's text."""
    return frozenset(text.split("\n")) - {""}
