"""One matrix file as a list of entries, each checked against its shape.

In: the bytes of a file and the shape of its entries. Out: a ``Section``: the entries
that have that shape, the names that all entries give themselves, and every problem.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from harness.matrixfile.problems import DataPath, Place, Problem
from harness.matrixfile.shape import Shape
from harness.matrixfile.wording import problems_of
from harness.matrixfile.yamltree import Tree, read_tree
from harness.spelling import did_you_mean

S = TypeVar("S", bound=Shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry(Generic[S]):
    """One well-formed entry and where it stands."""

    shape: S
    tree: Tree
    path: DataPath

    @property
    def place(self) -> Place:
        return self.tree.values[self.path]

    def keys(self, key: str) -> tuple[str, ...]:
        """Return the keys of the mapping at ``key`` as they are written, aliases of arches too."""
        length = len(self.path) + 2
        return tuple(
            str(path[-1])
            for path in self.tree.keys
            if len(path) == length and path[:-1] == (*self.path, key)
        )

    def problem(self, what: str, *steps: str | int) -> Problem:
        """Return a problem of what is ``steps`` below this entry."""
        return self.tree.problem((*self.path, *steps), what)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section(Generic[S]):
    """The entries of one file."""

    entries: tuple[Entry[S], ...] = ()
    names: frozenset[str] = frozenset()
    """The id or name of every entry, also of those that are wrong in another way."""
    problems: tuple[Problem, ...] = ()


def read_section(file: str, key: str, shape: type[S], content: bytes) -> Section[S]:
    """Return what the file holds; its one key is ``key``, ``file`` is how it is shown."""
    tree, problems = read_tree(file, content)
    if tree is None:
        return Section(problems=tuple(problems))
    entries, found = _read_entries(tree, key, shape)
    known = {(problem.place, problem.path) for problem in problems}
    named = _named(tree, key)
    return Section(
        entries=tuple(entries),
        names=frozenset(name for name, _ in named),
        problems=(
            *problems,
            *_root_problems(tree, key),
            *(p for p in found if (p.place, p.path) not in known),  # else a mere consequence
            *_duplicates(tree, named),
        ),
    )


def _read_entries(tree: Tree, key: str, shape: type[S]) -> tuple[list[Entry[S]], list[Problem]]:
    entries: list[Entry[S]] = []
    problems: list[Problem] = []
    items = tree.data.get(key) if isinstance(tree.data, dict) else None
    for at, item in enumerate(items if isinstance(items, list) else []):
        try:
            value = shape.model_validate(item)
        except ValidationError as error:
            problems += problems_of(error, shape, tree, (key, at))
        else:
            entries.append(Entry(shape=value, tree=tree, path=(key, at)))
    return entries, problems


def _root_problems(tree: Tree, key: str) -> Iterator[Problem]:
    if not isinstance(tree.data, dict):
        yield tree.problem((), f"wants the key '{key}:' with a list below it")
        return
    for other in tree.data.keys() - {key}:
        yield tree.key_problem((other,), f"unknown key {other!r}{did_you_mean(other, [key])}")
    if key not in tree.data:
        yield tree.problem((), f"the key {key!r} is missing; add it, with a list below it")
    elif not isinstance(tree.data[key], list):
        yield tree.problem((key,), "wants a list; an empty one is written []")


def _named(tree: Tree, key: str) -> list[tuple[str, DataPath]]:
    return [
        (source, path)
        for path, source in tree.sources.items()
        if path[:1] == (key,) and path[2:] in {("id",), ("name",)}
    ]


def _duplicates(tree: Tree, named: list[tuple[str, DataPath]]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for name, path in named:
        line = first.setdefault(name, tree.values[path].line)
        if line != tree.values[path].line:
            yield tree.problem(path, f"{name!r} stands in line {line} already; rename one")
