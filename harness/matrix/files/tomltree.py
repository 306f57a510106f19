"""Find the line and column of each key and value in a TOML file.

``tomllib`` reads the data and gives no positions. The text is known to be valid TOML, so this
module only finds where keys and values begin and end (TOML 1.0 and 1.1, https://toml.io).
"""

import re
import tomllib
from bisect import bisect_right
from typing import Any

from harness.core.problems import DataPath, Position
from harness.matrix.files.yamltree import Tree

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
"""Space, line breaks, comments, and the commas between items."""
_STRING = re.compile(
    r"""
    "{3} (?:[^\\]|\\.)*? "{3} (?!") | '{3} .*? '{3} (?!')
    | " (?:[^"\\]|\\.)* " | ' [^']* '
    """,
    re.DOTALL | re.VERBOSE,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"\d{4}-\d\d-\d\d \d\d[^\s,\]}#]*|[^\s,\]}#]+")
"""A number, a boolean or a time; a date and its time may have a space between them."""

Keys = list[tuple[str, int]]
"""The names of a dotted key, each with its offset."""


def toml_tree(file: str, text: str, table: tuple[str, ...] = ()) -> Tree:
    """Return the data below ``table`` with its positions; paths begin below the table.

    ``text`` must be valid TOML and have the table.
    """
    reader = _TomlReader(text)
    data: Any = tomllib.loads(text)
    for name in table:
        data = data[name]
    tree = Tree(file=file, data=data)
    lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(offset: int) -> Position:
        line = bisect_right(lines, offset)
        return Position(file=file, line=line, column=offset - lines[line - 1] + 1)

    depth = len(table)
    for found, kept in ((reader.values, tree.values), (reader.keys, tree.keys)):
        below = {path[depth:]: at for path, at in found.items() if path[:depth] == table}
        kept.update({path: place(at) for path, at in below.items()})
    tree.keys.pop((), None)
    for path, source in reader.sources.items():
        if path[:depth] == table:
            tree.sources[path[depth:]] = source
            value = _value_at(data, path[depth:])
            if isinstance(value, str):
                tree.texts[path[depth:]] = value
    return tree


def without_table(text: str, table: tuple[str, ...]) -> str:
    """Return the TOML text without the sections ``[table]`` and below it, up to the next header.

    A table that is not written in sections of its own stays.
    """
    headers = _TomlReader(text).headers
    end = len(text)
    for start, path in reversed(headers):
        if path[: len(table)] == table:
            text = text[:start] + text[end:]
        end = start
    return text


def _value_at(data: Any, path: DataPath) -> Any:  # noqa: ANN401 - any value of TOML
    for step in path:
        data = data[step]
    return data


class _TomlReader:
    """Offsets by path, of a text that is valid TOML."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._rows: dict[DataPath, int] = {}
        self.values: dict[DataPath, int] = {(): 0}
        self.keys: dict[DataPath, int] = {}
        self.sources: dict[DataPath, str] = {}
        self.headers: list[tuple[int, DataPath]] = []
        table: DataPath = ()
        while self._skip(_BLANK) < len(text):
            if text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return self._at

    def _header(self) -> DataPath:
        start = self._at
        brackets = 2 if self._text.startswith("[[", start) else 1
        self._at += brackets
        names = self._key()
        self._at += brackets
        path: DataPath = ()
        for name, at in names[:-1]:
            path = self._enter((*path, name), at)
        name, at = names[-1]
        path = (*path, name)
        if brackets == 1:
            path = self._enter(path, at)
        else:
            self.keys.setdefault(path, at)
            self.values.setdefault(path, start)
            row = self._rows[path] = self._rows.get(path, -1) + 1
            path = (*path, row)
        self.values[path] = start
        self.headers.append((start, path))
        return path

    def _enter(self, path: DataPath, at: int) -> DataPath:
        """Note the table at ``path``; of an array of tables, return its last row."""
        self.keys.setdefault(path, at)
        self.values.setdefault(path, at)
        return (*path, self._rows[path]) if path in self._rows else path

    def _pair(self, table: DataPath) -> None:
        path = table
        for name, at in self._key():
            path = (*path, name)
            self.keys.setdefault(path, at)
            self.values.setdefault(path, at)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> Keys:
        names: Keys = []
        while True:
            start = self._skip(_SPACE)
            quoted = self._text[start] in "\"'"
            end = self._skip(_STRING if quoted else _BARE_KEY)
            written = self._text[start:end]
            name = next(iter(tomllib.loads(f"{written} = 0"))) if quoted else written
            names.append((name, start))
            if self._text[self._skip(_SPACE)] != ".":
                return names
            self._at += 1

    def _value(self, path: DataPath) -> None:
        start = self.values[path] = self._at
        first = self._text[start]
        if first not in "[{":
            end = self._skip(_STRING if first in "\"'" else _BARE_VALUE)
            self.sources[path] = self._text[start:end]
            return
        self._at += 1
        item = 0
        while self._text[self._skip(_BLANK)] not in "]}":
            if first == "[":
                self._value((*path, item))
                item += 1
            else:
                self._pair(path)
        self._at += 1
