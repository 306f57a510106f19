"""JSON laid out for review: plain data in, text out with as few lines as can be read (pure)."""

import json
from collections.abc import Iterable, Iterator

WIDTH = 160
"""Characters a line may have where what is on it can be broken: a library fits on one."""


def review_json(data: object, margin: str = "") -> str:
    """Return ``data`` as JSON text without a last line break.

    What fits stands on one line, so that a library that changed is a line that changed; a long
    list of words fills lines.
    """
    flat = json.dumps(data, ensure_ascii=False)
    if len(margin) + len(flat) <= WIDTH:
        return flat
    inner = margin + " "
    match data:
        case dict():
            items = [
                f"{json.dumps(key)}: {review_json(value, inner)}" for key, value in data.items()
            ]
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
