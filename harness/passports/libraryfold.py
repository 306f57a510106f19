"""Fold libraries into short rows by folder (pure)."""

import posixpath
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from harness.core.passport import SystemLibrary


class LibraryRow(NamedTuple):
    """A library in its folder."""

    name: str
    file: str
    """Empty if it equals the name."""
    needed: tuple[str, ...]
    symbols: str


FoldedLibraries = Mapping[str, tuple[LibraryRow, ...]]
"""Rows by folder."""


def fold_libraries(libraries: Iterable[SystemLibrary]) -> FoldedLibraries:
    """Return ``libraries`` by folder."""
    rows: dict[str, list[LibraryRow]] = {}
    for one in libraries:
        folder, file = posixpath.split(one.path)
        other = "" if file == one.name else file
        rows.setdefault(folder, []).append(LibraryRow(one.name, other, one.needed, one.symbols))
    return {folder: tuple(found) for folder, found in rows.items()}


def unfold_libraries(folded: FoldedLibraries) -> tuple[SystemLibrary, ...]:
    """Return the libraries, sorted by name as in a passport."""
    libraries = (
        SystemLibrary(
            name=row.name,
            path=posixpath.join(folder, row.file or row.name),
            needed=row.needed,
            symbols=row.symbols,
        )
        for folder, rows in folded.items()
        for row in rows
    )
    return tuple(sorted(libraries, key=lambda library: library.name))
