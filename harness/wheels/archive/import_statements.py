"""Find the import statements of a Python file, and when they run (pure).

The file is hostile text, so it is not parsed: only lines that begin with a keyword are matched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

MOST_NAMES = 20_000
"""Characters of one statement."""
_MOST_HANDLER, _MOST_CONDITION = 2000, 400
"""Characters of an ``except`` block and of a condition that are read."""
_STRINGS = re.compile(rb'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'')
_LINE = re.compile(
    rb"^([ \t]*)(?:(import|from|try|except|raise|with|async|def|class|if|elif|else|finally|for"
    rb"|while|match|case)\b([^\n]*)|(\w++)(?: = (\w++))?+\(\)[ \t\r]*(?:#[^\n]*)?$)",
    re.MULTILINE,
)
_IMPORT = re.compile(r"import ([^;]+)")
_FROM = re.compile(r"from ?(?P<dots>\.*) ?(?P<module>[\w.]*) ?import\b ?\(?(?P<names>[^();]*)")
_CATCHES = re.compile(rb"^\s*:|\b(?:ImportError|ModuleNotFoundError|Exception|BaseException)\b")
_NAMED_ERRORS = re.compile(rb"^[ \t]*(\w+) = [^\n]*\bImportError\b", re.MULTILINE)
"""``catch = () if required else (ImportError,)``."""
_CATCHES_NAMED = re.compile(rb"\s+(\w+)(?: as \w+)?:")
_FUNCTIONS = (b"def", b"async")
_CONDITIONS = (b"if", b"elif", b"else")
_FUNCTION = re.compile(rb"\s+(?:def\s+)?(\w+)")
_GETENV = rb"os\.(?:environ\.get|getenv)\([\"'][^\"'\n,]*[\"']\)"
_ENVIRONMENT = re.compile(rb"^(\w+) = %s" % _GETENV, re.MULTILINE)
_ASKED = re.compile(rb"\s+(?:(?:\w+\.)?TYPE_CHECKING\s*:|%s(?: == |\s*:)|(\w+) == )" % _GETENV)
_WORD = re.compile(rb"[A-Za-z_]\w*")
_ASSIGNED = re.compile(rb"^[ \t]*([A-Za-z_]\w*)(?:: [^=\n]*)? = ", re.MULTILINE)
_COMMENT = re.compile(rb"#[^\n]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportStatement:
    """One import statement."""

    names: tuple[str, ...]
    """Modules that it may import, dotted: ``from .a import b`` in ``demo`` has ``demo.a`` and
    ``demo.a.b``."""
    modules: frozenset[str]
    """Those of ``names`` that must be modules: ``demo.a``, since ``b`` may be an attribute."""
    always: bool
    """Whether the import of its file runs it and fails with it: it is in no block, except
    ``with``, and ``try`` that does not guard it."""
    guarded: bool
    """Whether the file goes on if it fails: it, or every call of its function, is in a ``try``
    whose ``except`` catches an ImportError and raises nothing, or in a
    ``with suppress(ImportError)``."""
    sets: frozenset[bytes]
    """Of a guarded one: the variables that the ``except`` sets."""
    conditions: frozenset[bytes]
    """The words of the conditions that it depends on: ``not``, ``HAS_FAST``."""
    asked: bool
    """Whether it only runs for type checkers, or if an environment variable asks for it."""


@dataclass(slots=True)
class _Statement:
    """An import, or a call of a function without arguments."""

    text: str
    outermost: bool
    function: str = ""
    """The outermost function, if it is in that directly."""
    guarded: bool = False
    sets: set[bytes] = field(default_factory=set)
    conditions: set[bytes] = field(default_factory=set)
    asked: bool = False


@dataclass(slots=True)
class _Block:
    indent: int
    word: bytes
    start: int
    name: str = ""
    """Of a function."""
    caught: list[_Statement] = field(default_factory=list)
    """Of a ``try``: what is imported in it. Of an ``except``: what it catches errors of."""
    others: list[_Statement] = field(default_factory=list)
    """Of an ``except``: what is imported in the ``try``, for the next ``except``."""
    suppresses: bool = False
    raises: bool = False
    condition: bytes = b""
    chain: bytes = b""
    """The conditions before an ``elif`` or ``else``."""


def find_imports(source: bytes, package: str) -> Iterator[ImportStatement]:
    """Yield the import statements of a file; ``package`` is its ``__package__``."""
    for statement in _Scan(_STRINGS.sub(b"''", source)).statements():
        named = dict(_names(statement.text, package))
        yield ImportStatement(
            names=tuple(named),
            modules=frozenset(name for name, is_module in named.items() if is_module),
            always=statement.outermost and not statement.guarded,
            guarded=statement.guarded,
            sets=frozenset(statement.sets),
            conditions=frozenset(statement.conditions),
            asked=statement.asked,
        )


class _Scan:
    """One pass over the lines of a file, which keeps the blocks around a line."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._blocks: list[_Block] = []

    @cached_property
    def _errors(self) -> frozenset[bytes]:
        return frozenset(_NAMED_ERRORS.findall(self._text))

    @cached_property
    def _environment(self) -> frozenset[bytes]:
        return frozenset(_ENVIRONMENT.findall(self._text))

    def statements(self) -> list[_Statement]:
        """Return the import statements."""
        found: list[_Statement] = []
        calls: dict[str, list[_Statement]] = {}
        end = 0
        for line in _LINE.finditer(self._text):
            if line.start() < end:
                continue  # of the statement before
            indent, word, rest = len(line[1].expandtabs()), line[2], line[3]
            closed = self._close(indent, line.start())
            if called := line[5] or line[4]:
                name = called.decode("utf-8", "replace")
                calls.setdefault(name, []).append(self._entered(name))
            elif word in (b"import", b"from"):
                end = _end_of_statement(self._text, line.start(2))
                found.append(self._entered(_one_line(self._text[line.start(2) : end])))
            elif word == b"raise":
                self._mark_raising()
            else:
                self._blocks.append(self._opened(_Block(indent, word, line.end()), rest, closed))
        self._close(-1, len(self._text))
        for statement in found:
            called_by = calls.get(statement.function, [])
            if called_by and all(call.guarded for call in called_by):
                statement.guarded = True
                statement.sets.update(*(call.sets for call in called_by))
        return found

    def _opened(self, block: _Block, rest: bytes, closed: _Block | None) -> _Block:
        before = closed if closed is not None and closed.indent == block.indent else None
        if block.word in _FUNCTIONS and (function := _FUNCTION.match(rest)):
            block.name = function[1].decode("utf-8", "replace")
        elif block.word == b"with":
            block.suppresses = b"suppress(" in rest and _CATCHES.search(rest) is not None
        elif block.word == b"except" and before:
            block.others = before.caught if before.word == b"try" else before.others
            if block.others and (_CATCHES.search(rest) or self._catches_named(rest)):
                block.caught = block.others
        elif block.word in _CONDITIONS:
            block.condition = rest[:_MOST_CONDITION]
            if block.word != b"if" and before:
                block.chain = before.condition + before.chain[:_MOST_CONDITION]
        return block

    def _catches_named(self, rest: bytes) -> bool:
        named = _CATCHES_NAMED.match(rest)
        return named is not None and named[1] in self._errors

    def _is_asked(self, condition: bytes) -> bool:
        asked = _ASKED.match(condition)
        return asked is not None and (not asked[1] or asked[1] in self._environment)

    def _close(self, indent: int, end: int) -> _Block | None:
        """Close the blocks that end before a line of that indent; return the outermost one."""
        closed = None
        while self._blocks and self._blocks[-1].indent >= indent:
            closed = self._blocks.pop()
            if closed.word == b"except" and closed.caught and not closed.raises:
                handler = self._text[closed.start : min(end, closed.start + _MOST_HANDLER)]
                sets = _ASSIGNED.findall(handler)
                for statement in closed.caught:
                    statement.guarded = True
                    statement.sets.update(sets)
                closed.caught.clear()  # for the next handlers of the same try
        return closed

    def _entered(self, text: str) -> _Statement:
        """Return a statement, noted in the blocks around it, up to the function that it is in."""
        blocks = self._blocks
        statement = _Statement(text, all(block.word in (b"try", b"with") for block in blocks))
        for block in blocks:
            if block.word in _CONDITIONS:
                statement.conditions.update(_WORD.findall(block.condition + block.chain))
                statement.asked = statement.asked or self._is_asked(block.condition)
        for block in reversed(blocks):
            if block.word in _FUNCTIONS:
                statement.function = block.name if block is blocks[0] else ""
                break
            statement.guarded = statement.guarded or block.suppresses
            if block.word == b"try":
                block.caught.append(statement)
        return statement

    def _mark_raising(self) -> None:
        for block in reversed(self._blocks):
            if block.word in _FUNCTIONS:
                return
            if block.word == b"except":
                block.raises = True
                return


def _end_of_statement(text: bytes, start: int) -> int:
    """Return the end of a statement, whose brackets may span lines."""
    end = _end_of_line(text, start)
    while (
        text[max(start, end - 2) : end].rstrip(b"\r").endswith(b"\\") and end - start < MOST_NAMES
    ):
        end = _end_of_line(text, end + 1)
    if text.find(b"(", start, end) >= 0:
        closing = text.find(b")", start, start + MOST_NAMES)
        end = max(end, closing + 1)
    return end


def _one_line(statement: bytes) -> str:
    """Return a statement in one line, without comments."""
    words = _COMMENT.sub(b" ", statement).replace(b"\\", b" ")
    return " ".join(words.decode("utf-8", "replace").split())


def _end_of_line(text: bytes, start: int) -> int:
    end = text.find(b"\n", start)
    return len(text) if end < 0 else end


def _names(text: str, package: str) -> Iterator[tuple[str, bool]]:
    """Yield the names of a statement, each with whether it must be a module."""
    if found := _IMPORT.match(text):
        for name in filter(_is_dotted_name, map(_without_alias, found[1].split(","))):
            yield name, True
    elif found := _FROM.match(text):
        dots, module = found["dots"], found["module"]
        parts = package.split(".") if package and dots else []
        base = ".".join((*parts[: max(0, len(parts) + 1 - len(dots))], *filter(None, [module])))
        if _is_dotted_name(base):
            yield base, True
            names = map(_without_alias, found["names"].split(","))
            yield from ((f"{base}.{name}", False) for name in names if name.isidentifier())


def _without_alias(word: str) -> str:
    return word.partition(" as ")[0].strip()


def _is_dotted_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))
