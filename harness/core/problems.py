"""One thing wrong in one of the matrix files, and how it is shown.

In: a place in a file, a path into its data and a sentence. Out: one line.
"""

from dataclasses import dataclass

DataPath = tuple[str | int, ...]
"""A way into a file's data: ``("targets", 3, "arches", 0)``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where a piece of a file's data stands."""

    file: str
    """As it is shown: relative to the working directory where it is below it."""
    line: int = 0
    """Counted from 1; 0 means the file as a whole."""
    column: int = 0
    """Counted from 1."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong, where, and the next step."""

    place: Position
    path: DataPath = ()
    what: str

    def __str__(self) -> str:
        where = breadcrumb(self.path)
        return f"{self.place}: {where}: {self.what}" if where else f"{self.place}: {self.what}"


def breadcrumb(path: DataPath) -> str:
    """Return ``targets[3].registry.image`` for a path into the data."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")
