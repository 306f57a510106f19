"""Find the import statements of a Python file, and when they run (pure).

The file is hostile text, so it is not parsed: only lines that begin with a keyword are matched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MOST_NAMES = 20_000
"""Characters of one statement."""
_STRINGS = re.compile(rb'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'')
_LINE = re.compile(
    rb"^([ \t]*)(import|from|try|except|raise|with|async|def|class|if|elif|else|finally|for|while"
    rb"|match|case)\b([^\n]*)",
    re.MULTILINE,
)
_IMPORT = re.compile(r"import ([^;]+)")
_FROM = re.compile(r"from ?(?P<dots>\.*) ?(?P<module>[\w.]*) ?import\b ?\(?(?P<names>[^();]*)")
_CATCHES = re.compile(rb"^\s*:|\b(?:ImportError|ModuleNotFoundError|Exception|BaseException)\b")
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
    """Whether the file goes on if it fails: it is in a ``try`` whose ``except`` catches an
    ImportError and raises nothing, or in a ``with suppress(ImportError)``."""


@dataclass(slots=True)
class _Statement:
    text: str
    outermost: bool
    guarded: bool = False


@dataclass(slots=True)
class _Block:
    indent: int
    word: bytes
    caught: list[_Statement] = field(default_factory=list)
    """Of a ``try``: what is imported in it. Of an ``except``: what it catches errors of."""
    others: list[_Statement] = field(default_factory=list)
    """Of an ``except``: what is imported in the ``try``, for the next ``except``."""
    suppresses: bool = False
    raises: bool = False


def find_imports(source: bytes, package: str) -> Iterator[ImportStatement]:
    """Yield the import statements of a file; ``package`` is its ``__package__``."""
    for statement in _statements(_STRINGS.sub(b"''", source)):
        named = dict(_names(statement.text, package))
        yield ImportStatement(
            names=tuple(named),
            modules=frozenset(name for name, is_module in named.items() if is_module),
            always=statement.outermost and not statement.guarded,
            guarded=statement.guarded,
        )


def _statements(text: bytes) -> list[_Statement]:
    found: list[_Statement] = []
    blocks: list[_Block] = []
    end = 0
    for line in _LINE.finditer(text):
        if line.start() < end:
            continue  # of the statement before
        indent, word, rest = len(line[1].expandtabs()), line[2], line[3]
        closed = None
        while blocks and blocks[-1].indent >= indent:
            closed = _close(blocks.pop())
        if word in (b"import", b"from"):
            outermost = all(block.word in (b"try", b"with") for block in blocks)
            end = _end_of_statement(text, line.start(2))
            statement = _Statement(_one_line(text[line.start(2) : end]), outermost)
            _enter(blocks, statement)
            found.append(statement)
        elif word == b"raise":
            _mark_raising(blocks)
        else:
            blocks.append(_opened(indent, word, rest, closed))
    for block in reversed(blocks):
        _close(block)
    return found


def _opened(indent: int, word: bytes, rest: bytes, closed: _Block | None) -> _Block:
    block = _Block(indent, word, suppresses=word == b"with" and _suppresses(rest))
    if word == b"except" and closed is not None and closed.indent == indent:
        block.others = closed.caught if closed.word == b"try" else closed.others
        block.caught = block.others if _CATCHES.search(rest) else []
    return block


def _suppresses(rest: bytes) -> bool:
    return b"suppress(" in rest and _CATCHES.search(rest) is not None


def _close(block: _Block) -> _Block:
    if block.word == b"except" and not block.raises:
        for statement in block.caught:
            statement.guarded = True
    return block


def _enter(blocks: list[_Block], statement: _Statement) -> None:
    """Note the statement in the blocks around it, up to the function that it is in."""
    for block in reversed(blocks):
        if block.word in (b"def", b"async"):
            return
        statement.guarded = statement.guarded or block.suppresses
        if block.word == b"try":
            block.caught.append(statement)


def _mark_raising(blocks: list[_Block]) -> None:
    for block in reversed(blocks):
        if block.word in (b"def", b"async"):
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
