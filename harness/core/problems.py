"""Problems in matrix files and configurations, formatted as ``file:line:col: path: what``."""

from dataclasses import dataclass

DataPath = tuple[str | int, ...]
"""A path into a file's data: ``("targets", 3, "arches", 0)``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A position in a file."""

    file: str
    """As shown to the user: relative to the working directory if it is below it."""
    line: int = 0
    """Counted from 1; 0 means the file as a whole."""
    column: int = 0
    """Counted from 1."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong and where, with the next step."""

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
