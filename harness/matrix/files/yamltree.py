"""Read a YAML file as plain data, with the line and column of each value.

Accepts the unambiguous part of YAML: text, numbers, booleans, null, lists and mappings with text
keys.
"""

import contextlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from harness.core.problems import DataPath, Position, Problem

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
"""Aliases count every time, so that a small file cannot expand to a huge one."""

_LINE_BREAK = re.compile("[\r\n\x85\u2028\u2029]")
_PREFIX = "tag:yaml.org,2002:"
_VALUES = {f"{_PREFIX}{name}" for name in ("null", "bool", "int", "float")}
_TEXTS = {f"{_PREFIX}{name}" for name in ("str", "timestamp", "value", "merge")}


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The data of one file, with its positions."""

    file: str
    data: Any
    values: dict[DataPath, Position] = field(default_factory=dict)
    keys: dict[DataPath, Position] = field(default_factory=dict)
    """Positions of the keys themselves, for problems with a key."""
    sources: dict[DataPath, str] = field(default_factory=dict)
    """The scalars as written: ``3.10``, whose value is 3.1."""
    texts: dict[DataPath, str] = field(default_factory=dict)
    """The scalars that are text."""
    nodes: dict[DataPath, Any] = field(default_factory=dict)
    """Every value as PyYAML composed it: its style, start and end.

    The node of an alias is that of its anchor.
    """

    @cached_property
    def texts_below(self) -> dict[DataPath, list[tuple[DataPath, str]]]:
        """The texts of each list and mapping, with their paths, in order."""
        below: dict[DataPath, list[tuple[DataPath, str]]] = {}
        for path, text in self.texts.items():
            below.setdefault(path[:-1], []).append((path, text))
        return below

    @cached_property
    def keys_below(self) -> dict[DataPath, list[str]]:
        """The keys of each mapping, in order."""
        below: dict[DataPath, list[str]] = {}
        for path in self.keys:
            below.setdefault(path[:-1], []).append(str(path[-1]))
        return below

    def problem(self, path: DataPath, what: str) -> Problem:
        """Return a problem of the value at ``path``, or of the nearest enclosing value."""
        place = next(self.values[at] for at in _outward(path) if at in self.values)
        return Problem(place=place, path=_shown(path) if path in self.sources else path, what=what)

    def key_problem(self, path: DataPath, what: str) -> Problem:
        """Return a problem of the last key of ``path``, shown under its mapping."""
        return Problem(place=self.keys[path], path=path[:-1], what=what)


class _UnreadableError(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def read_tree(file: str, content: bytes) -> tuple[Tree | None, list[Problem]]:
    """Return the tree of a file, or None if it cannot be read to its end, and its YAML problems."""
    reader = _YamlReader(file)
    try:
        node = _compose(file, _decode(file, content))
        data = reader.read(node, ())
    except _UnreadableError as stop:
        return None, [*reader.problems, stop.problem]
    except RecursionError:
        what = "nested too deeply; these files need no more than a few levels"
        return None, [Problem(place=Position(file=file, line=1, column=1), what=what)]
    return reader.tree(data), reader.problems


def trailing_comments(text: str) -> dict[int, tuple[int, int]]:
    """Return the start and end offset of the comment that follows a line's last token, by line.

    Lines are counted from 0. Start and end are equal where a comment could be added. A line that
    ends inside a scalar is left out.
    """
    found: dict[int, tuple[int, int]] = {}
    line = stop = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        first, *others = _LINE_BREAK.split(text[stop : token.start_mark.index])
        if others or token.start_mark.index == len(text):
            space, mark, comment = first.partition("#")
            start = stop + (len(space) if mark else 0)
            found.setdefault(line, (start, start + len(mark + comment)))
        line, stop = token.end_mark.line, token.end_mark.index
    return found


def _shown(path: DataPath) -> DataPath:
    """Return the path to show for a scalar: an item of a list in an entry is shown as the list.

    The message names the item: ``targets[3].arches: unknown arch 'ppc64lee'``.
    """
    inside = len(path) > len(("targets", 3))
    return path[:-1] if inside and isinstance(path[-1], int) else path


def _outward(path: DataPath) -> list[DataPath]:
    return [path[:length] for length in range(len(path), -1, -1)]


def _decode(file: str, content: bytes) -> str:
    start = Position(file=file, line=1, column=1)
    if len(content) > MAX_BYTES:
        what = f"{len(content)} bytes; a matrix file holds at most {MAX_BYTES}"
        raise _UnreadableError(Problem(place=start, what=what))
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        place = _place_at(file, content[: error.start].decode("utf-8", "replace"))
        what = f"byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise _UnreadableError(Problem(place=place, what=what)) from error


def _compose(file: str, text: str) -> yaml.Node:
    try:
        node = _compose_fast(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Position(file=file, line=mark.line + 1, column=mark.column + 1) if mark else None
        what = f"not YAML: {' '.join(filter(None, (error.context, error.problem)))}"
        raise _UnreadableError(Problem(place=place or Position(file=file), what=what)) from error
    except yaml.reader.ReaderError as error:
        place = _place_at(file, text[: error.position])
        what = f"character {error.character!r} is not allowed in YAML; remove it"
        raise _UnreadableError(Problem(place=place, what=what)) from error
    if node is None or node.value == "":
        what = "the file is empty; matrix/README.md shows what belongs in it"
        raise _UnreadableError(Problem(place=Position(file=file, line=1, column=1), what=what))
    return node


def _compose_fast(text: str) -> yaml.Node | None:
    """Compose with libyaml, which takes a tenth of the time; PyYAML's own parser words errors."""
    with contextlib.suppress(AttributeError, yaml.YAMLError):
        return yaml.compose(text, Loader=yaml.CSafeLoader)
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _place_at(file: str, before: str) -> Position:
    last = before.rpartition("\n")[2]
    return Position(file=file, line=before.count("\n") + 1, column=len(last) + 1)


class _YamlReader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._values: dict[DataPath, Position] = {}
        self._keys: dict[DataPath, Position] = {}
        self._sources: dict[DataPath, str] = {}
        self._texts: dict[DataPath, str] = {}
        self._nodes: dict[DataPath, Any] = {}
        self._open: set[int] = set()

    def tree(self, data: object) -> Tree:
        return Tree(
            file=self.file,
            data=data,
            values=self._values,
            keys=self._keys,
            sources=self._sources,
            texts=self._texts,
            nodes=self._nodes,
        )

    def read(self, node: yaml.Node, path: DataPath) -> object:
        place = self._values[path] = self._place(node)
        self._nodes[path] = node
        if len(self._values) > MAX_NODES:
            what = f"more than {MAX_NODES} values, aliases followed; write less, or fewer aliases"
            raise _UnreadableError(Problem(place=place, path=path[:1], what=what))
        if id(node) in self._open:
            what = "an alias inside its own anchor; write the value out"
            raise _UnreadableError(Problem(place=place, path=path[:2], what=what))
        self._open.add(id(node))
        data = self._data(node, path)
        self._open.remove(id(node))
        return data

    def _data(self, node: yaml.Node, path: DataPath) -> object:
        match node:
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return self._mapping(node, path)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return [self.read(item, (*path, at)) for at, item in enumerate(node.value)]
            case yaml.ScalarNode(tag=tag) if tag in _VALUES | _TEXTS:
                self._sources[path] = node.value
                return self._scalar(node, path)
            case _:
                self._report(node, path, f"tag {_shown_tag(node.tag)} is not used here; remove it")
                return None

    def _mapping(self, node: yaml.MappingNode, path: DataPath) -> dict[str, object]:
        data: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in _TEXTS:
                self._report(key, path, _wrong_key(key))
                continue
            at = (*path, key.value)
            if key.value in data:
                first = self._keys[at].line
                what = f"duplicate key {key.value!r}, first in line {first}; remove one"
                self._report(key, path, what)
                continue
            self._keys[at] = self._place(key)
            data[key.value] = self.read(value, at)
        return data

    def _scalar(self, node: yaml.ScalarNode, path: DataPath) -> object:
        if node.tag in _TEXTS:
            self._texts[path] = node.value
            return node.value
        try:
            return yaml.constructor.SafeConstructor().construct_object(node)
        except (ValueError, KeyError):
            kind = node.tag.removeprefix(_PREFIX)
            self._report(
                node, path, f"{node.value[:40]!r} is not a valid {kind}; quote it if it is text"
            )
            return None

    def _report(self, node: yaml.Node, path: DataPath, what: str) -> None:
        shown = _shown(path) if isinstance(node, yaml.ScalarNode) else path
        self.problems.append(Problem(place=self._place(node), path=shown, what=what))

    def _place(self, node: yaml.Node) -> Position:
        mark = node.start_mark
        return Position(file=self.file, line=mark.line + 1, column=mark.column + 1)


def _wrong_key(key: yaml.Node) -> str:
    if isinstance(key, yaml.ScalarNode):
        return f'key {key.value} is not text; quote it: "{key.value}"'
    return "a key must be text"


def _shown_tag(tag: str) -> str:
    return tag.replace(_PREFIX, "!!")
