"""The query language for cells. Pure.

The HTML page implements it too; ``tests/data/query.json`` tests both. The grammar:

    query    = words separated by spaces; a cell must match all of them
    word     = ["-"] (text | field ":" pattern {"," pattern})
    text     a substring of the cell's id
    pattern  matches the whole value of the field: * any characters, ? any one character
    "…"      spaces, commas, colons and signs in quotes are literal

A leading ``-`` negates a word; one of several patterns must match; case is ignored. An arch may be
an alias. ``machine:`` is empty for a plain target, ``outcome:`` for a cell that was not run, and
``cause:`` for a cell without a cause: the word ``cause:`` selects exactly these.

    target:alpine-* arch:ppc64le outcome:import-failed cause:suffix-mismatch
    group:"index wheels" -numpy verdict:unexpected,miss
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from harness.core.cells import Cell, Outcome
from harness.core.errors import HarnessError
from harness.core.machines import machine_name
from harness.core.matching import did_you_mean, wheel_spelling
from harness.results.grid import GridCell, Verdict


class QueryError(HarnessError):
    """An invalid query; ``column`` counts from 1."""

    def __init__(self, text: str, column: int, complaint: str) -> None:
        super().__init__(f"query {text!r}: column {column}: {complaint}")
        self.column = column


class Field(StrEnum):
    """A field of a cell that a query can match."""

    TARGET = "target"
    ARCH = "arch"
    MACHINE = "machine"
    SUBJECT = "subject"
    GROUP = "group"
    OUTCOME = "outcome"
    VERDICT = "verdict"
    CAUSE = "cause"


VOCABULARY: dict[Field, tuple[str, ...]] = {
    Field.OUTCOME: ("", *Outcome),
    Field.VERDICT: tuple(Verdict),
}
"""Fields with fixed values: a pattern that matches none of them is an error."""
SEEN = frozenset({Field.OUTCOME, Field.VERDICT, Field.CAUSE})
"""Fields that have a value only after a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The field values of a cell."""

    id: str
    target: str
    arch: str
    subject: str
    group: str
    machine: str = ""
    """Empty for a plain target."""
    outcome: str = ""
    verdict: str = ""
    cause: str = ""

    def value(self, field: Field) -> str:
        value: str = getattr(self, field)
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One word of a query."""

    field: Field | None
    """None for a substring of the id."""
    patterns: tuple[re.Pattern[str], ...]
    negated: bool = False

    def matches(self, facts: Facts) -> bool:
        value = facts.id if self.field is None else facts.value(self.field)
        met = any(pattern.search(value) for pattern in self.patterns)
        return met is not self.negated


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A parsed query; the empty query matches every cell."""

    terms: tuple[Term, ...] = ()
    text: str = ""
    """As it was written."""

    def matches(self, facts: Facts) -> bool:
        return all(term.matches(facts) for term in self.terms)

    @property
    def asks_what_was_seen(self) -> bool:
        """Whether the query uses fields that exist only after a run."""
        return any(term.field in SEEN for term in self.terms)


def parse_query(text: str) -> Query:
    """Parse ``text``. Raises ``QueryError``."""
    terms = tuple(_term(text, column, word) for column, word in _words(text))
    return Query(terms=terms, text=text)


def planned_facts(cell: Cell) -> Facts:
    """Return the fields of a planned cell."""
    return Facts(
        id=cell.id,
        target=cell.target.id,
        arch=cell.target.arch_name,
        machine=machine_name(cell.target),
        subject=cell.subject.id,
        group=cell.subject.group,
    )


def seen_facts(cell: GridCell) -> Facts:
    """Return the fields of a cell of a grid."""
    return Facts(
        id=cell.cell.id,
        target=cell.cell.target.id,
        arch=cell.cell.target.arch_name,
        machine=machine_name(cell.cell.target),
        subject=cell.cell.subject.id,
        group=cell.cell.subject.group,
        outcome=cell.outcome or "",
        verdict=cell.verdict,
        cause=cell.observation.cause if cell.observation else "",
    )


QuotedChar = tuple[str, bool]
"""A character and whether it was quoted."""
_NEGATION, _FIELD, _OR = (("-", False), (":", False), (",", False))


def _words(text: str) -> Iterator[tuple[int, list[QuotedChar]]]:
    """Yield each word and its first column, without quotes."""
    word: list[QuotedChar] = []
    begun = opened = 0
    for column, char in enumerate(text, start=1):
        if char.isspace() and not opened:
            if begun:
                yield begun, word
            word, begun = [], 0
            continue
        begun = begun or column
        if char == '"':
            opened = 0 if opened else column
        else:
            word.append((char, bool(opened)))
    if opened:
        raise QueryError(text, opened, 'this " is not closed')
    if begun:
        yield begun, word


def _term(text: str, column: int, word: list[QuotedChar]) -> Term:
    negated = word[:1] == [_NEGATION]
    rest = word[negated:]
    if not rest:
        raise QueryError(text, column, "empty search word; remove it")
    if _FIELD not in rest:
        piece = re.compile(re.escape(_plain(rest)), re.IGNORECASE)
        return Term(field=None, patterns=(piece,), negated=negated)
    colon = rest.index(_FIELD)
    field = _field(text, column + negated, _plain(rest[:colon]))
    parts = list(_split(rest[colon + 1 :]))
    patterns = tuple(_pattern(field, part) for part in parts)
    for part, pattern in zip(parts, patterns, strict=True):
        _check_value(text, column + negated, field, _plain(part), pattern)
    return Term(field=field, patterns=patterns, negated=negated)


def _field(text: str, column: int, name: str) -> Field:
    try:
        return Field(name.lower())
    except ValueError as error:
        raise QueryError(
            text, column, f"no field {name!r}{did_you_mean(name, map(str, Field))}"
        ) from error


def _split(word: list[QuotedChar]) -> Iterator[list[QuotedChar]]:
    part: list[QuotedChar] = []
    for mark in word:
        if mark == _OR:
            yield part
            part = []
        else:
            part.append(mark)
    yield part


def _pattern(field: Field, part: list[QuotedChar]) -> re.Pattern[str]:
    wild = {("*", False), ("?", False)}
    if field is Field.ARCH and not any(mark in wild for mark in part):
        source = re.escape(wheel_spelling(_plain(part).lower()))
    else:
        source = _wildcards(part)
    return re.compile(rf"\A{source}\Z", re.IGNORECASE | re.DOTALL)


def _wildcards(part: list[QuotedChar]) -> str:
    """Return a pattern that never goes back before the last star, as ``fnmatch`` does.

    With ``.*`` for each star, ``*?*?*?*?x`` takes time that grows exponentially.
    """
    pieces = [""]
    for mark in part:
        if mark == ("*", False):
            pieces.append("")
        else:
            pieces[-1] += "." if mark == ("?", False) else re.escape(mark[0])
    first, *others = pieces
    if not others:
        return first
    return first + "".join(f"(?>.*?{piece})" for piece in others[:-1]) + f".*{others[-1]}"


def _check_value(
    text: str, column: int, field: Field, value: str, pattern: re.Pattern[str]
) -> None:
    known = VOCABULARY.get(field, ())
    if known and not any(map(pattern.search, known)):
        hint = did_you_mean(value, map(str, filter(None, known)))
        raise QueryError(text, column, f"no {field} {value!r}{hint}")


def _plain(word: list[QuotedChar]) -> str:
    return "".join(char for char, _ in word)
