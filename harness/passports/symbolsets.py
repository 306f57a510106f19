"""Content-addressed symbol sets, since many libraries export the same symbols."""

import hashlib
from collections.abc import Iterable

_DIGITS = 16


def set_text(symbols: Iterable[str]) -> str:
    """Return a set as text: one symbol a line, sorted, without duplicates."""
    return "".join(f"{symbol}\n" for symbol in sorted(set(symbols)))


def set_id(symbols: Iterable[str]) -> str:
    """Return the id of a set: digits of its SHA-256."""
    return hashlib.sha256(set_text(symbols).encode()).hexdigest()[:_DIGITS]


def read_set(text: str) -> frozenset[str]:
    """Parse a set's text."""
    return frozenset(text.split("\n")) - {""}
