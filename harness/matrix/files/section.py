"""Read one matrix file as a list of entries, and check each against its shape."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from harness.core.matching import did_you_mean
from harness.core.problems import DataPath, Position, Problem
from harness.matrix.files.error_messages import problems_of
from harness.matrix.files.shape import Shape
from harness.matrix.files.yamltree import Tree, read_tree

S = TypeVar("S", bound=Shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry as written, well-formed or not.

    Names are checked even if the entry has other problems, so that all problems are reported at
    once. Text in a wrong position is ignored.
    """

    tree: Tree
    path: DataPath

    @property
    def place(self) -> Position:
        return self.tree.values[self.path]

    def has(self, *steps: str) -> bool:
        return (*self.path, *steps) in self.tree.keys

    def keys(self, *steps: str) -> tuple[str, ...]:
        return tuple(self.tree.keys_below.get((*self.path, *steps), ()))

    def texts(self, *steps: str) -> tuple[tuple[str, DataPath], ...]:
        """Return the text at ``steps``, or the texts of the list there, each with its steps."""
        within, depth = (*self.path, *steps), len(self.path)
        own = self.tree.texts.get(within)
        if own is not None:
            return ((own, within[depth:]),)
        return tuple((text, path[depth:]) for path, text in self.tree.texts_below.get(within, ()))

    def rows(self, key: str) -> tuple["Entry", ...]:
        """Return the items of the list at ``key`` as entries."""
        within = (*self.path, key)
        paths = [p for p in self.tree.values if p[:-1] == within and isinstance(p[-1], int)]
        return tuple(Entry(tree=self.tree, path=path) for path in paths)

    def problem(self, what: str, *steps: str | int) -> Problem:
        return self.tree.problem((*self.path, *steps), what)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section(Generic[S]):
    """The contents of one file."""

    entries: tuple[Entry, ...] = ()
    shapes: tuple[S, ...] = ()
    """One per entry, in order, if the section has no problem."""
    problems: tuple[Problem, ...] = ()

    @property
    def names(self) -> frozenset[str] | None:
        """The id or name of every entry; None if the file could not be read."""
        if self.problems and not self.entries:
            return None
        found = (text for entry in self.entries for key in _NAMES for text in entry.texts(key))
        return frozenset(text for text, _ in found)


_NAMES = ("id", "name")


def read_section(file: str, key: str, shape: type[S], content: bytes) -> Section[S]:
    """Return the section below ``key``, the file's only key; ``file`` is the name in messages."""
    tree, problems = read_tree(file, content)
    if tree is None:
        return Section(problems=tuple(problems))
    items = tree.data.get(key) if isinstance(tree.data, dict) else None
    written = items if isinstance(items, list) else []
    entries = tuple(Entry(tree=tree, path=(key, at)) for at in range(len(written)))
    shapes, misshapen = _shapes(entries, written, shape)
    known = {(problem.place, problem.path) for problem in problems}
    return Section(
        entries=entries,
        shapes=tuple(shapes),
        problems=(
            *problems,
            *_root_problems(tree, key),
            *(
                p for p in misshapen if (p.place, p.path) not in known
            ),  # else it follows from a known one
            *_duplicates(entries),
        ),
    )


def _shapes(
    entries: tuple[Entry, ...], written: list[object], shape: type[S]
) -> tuple[list[S], list[Problem]]:
    shapes: list[S] = []
    problems: list[Problem] = []
    for entry, item in zip(entries, written, strict=True):
        try:
            shapes.append(shape.model_validate(item))
        except ValidationError as error:
            problems += problems_of(error, shape, entry.tree, entry.path)
    return shapes, problems


def _root_problems(tree: Tree, key: str) -> Iterator[Problem]:
    if not isinstance(tree.data, dict):
        yield tree.problem((), f"needs the key '{key}:' with a list below it")
        return
    for other in tree.data.keys() - {key}:
        yield tree.key_problem((other,), f"unknown key {other!r}{did_you_mean(other, [key])}")
    if key not in tree.data:
        yield tree.problem((), f"the key {key!r} is missing; add it, with a list below it")
    elif not isinstance(tree.data[key], list):
        yield tree.problem((key,), "must be a list; an empty one is written []")


def _duplicates(entries: tuple[Entry, ...]) -> Iterator[Problem]:
    lines: dict[str, int] = {}
    for entry in entries:
        for name, steps in (found for key in _NAMES for found in entry.texts(key)):
            if name in lines:
                what = f"{name!r} is already used in line {lines[name]}; rename one"
                yield entry.problem(what, *steps)
            lines.setdefault(name, entry.place.line)
