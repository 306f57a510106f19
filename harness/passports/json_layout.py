"""Format JSON for review, in few readable lines (pure)."""

import json
from collections.abc import Iterable, Iterator

WIDTH = 160
"""Characters per line, unless a value cannot be broken; one library fits."""


def review_json(data: object, margin: str = "") -> str:
    """Return ``data`` as JSON text without a final line break.

    A value that fits is on one line, so that a changed library is one changed line. Long lists of
    words fill lines.
    """
    flat = json.dumps(data, ensure_ascii=False)
    if len(margin) + len(flat) <= WIDTH:
        return flat
    inner = margin + " "
    match data:
        case dict():
            items = [f"{json.dumps(key)}: {review_json(item, inner)}" for key, item in data.items()]
            return _bracketed("{", items, "}", margin)
        case list() if all(isinstance(value, str) for value in data):
            words = (json.dumps(value, ensure_ascii=False) for value in data)
            return _bracketed("[", _filled(words, WIDTH - len(inner)), "]", margin)
        case list():
            return _bracketed("[", [review_json(value, inner) for value in data], "]", margin)
        case _:
            return flat


def _bracketed(begin: str, items: Iterable[str], end: str, margin: str) -> str:
    return f"{begin}\n{margin} " + f",\n{margin} ".join(items) + f"\n{margin}{end}"


def _filled(words: Iterable[str], width: int) -> Iterator[str]:
    line = ""
    for word in words:
        if line and len(line) + len(word) + 3 > width:
            yield line
            line = ""
        line = f"{line}, {word}" if line else word
    yield line
