"""Send a user's own files with the cells: wheels and locks by their digest.

A cell names files of the machine where the run was started. On another machine each is stored in
the cache under its SHA-256, and the cells name it there.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.cells import Cell
from harness.core.errors import UsageError
from harness.core.subjects import DependencyOptions, FileSource, Subject
from harness.host.cache import Cache, file_sha256

KIND = "sent"


def file_digests(cells: Sequence[Cell]) -> dict[str, str]:
    """Return path → SHA-256 of each file that the cells name. Raises ``UsageError``."""
    paths = dict.fromkeys(path for cell in cells for path in _paths(cell.subject))
    try:
        return {path: file_sha256(Path(path)) for path in paths}
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read: {error.strerror}") from error


def store_files(
    digests: Mapping[str, str], data: Mapping[str, bytes], cache: Cache
) -> dict[str, str]:
    """Store sent files and return path there → path here.

    ``data`` is by digest. Raises ``CacheError``, and ``ValueError`` for bytes of another digest.
    """
    stored = {}
    for path, digest in digests.items():
        if hashlib.sha256(data[digest]).hexdigest() != digest:
            raise ValueError(f"{Path(path).name}: the bytes that came have another digest")

        def make(draft: Path, content: bytes = data[digest]) -> None:
            draft.write_bytes(content)

        # An installer reads the file's name; a folder for each content keeps it.
        kind = f"{KIND}/{digest[:32]}"
        stored[path] = str(cache.get(kind, Path(path).name, make, sha256=digest))
    return stored


def with_paths(cells: Sequence[Cell], there: Callable[[str], str]) -> tuple[Cell, ...]:
    """Return the cells with each path replaced by ``there(path)``."""
    moved = {cell.subject.id: _moved(cell.subject, there) for cell in cells}
    return tuple(replace(cell, subject=moved[cell.subject.id]) for cell in cells)


def _paths(subject: Subject) -> tuple[str, ...]:
    own = subject.source.paths if isinstance(subject.source, FileSource) else ()
    asked = subject.dependencies or DependencyOptions()
    return (*own, *asked.files, *filter(None, [asked.lock]))


def _moved(subject: Subject, there: Callable[[str], str]) -> Subject:
    if isinstance(subject.source, FileSource):
        paths = tuple(map(there, subject.source.paths))
        subject = replace(subject, source=FileSource(paths=paths))
    if asked := subject.dependencies:
        asked = replace(
            asked,
            files=tuple(map(there, asked.files)),
            lock=there(asked.lock) if asked.lock else "",
        )
        subject = replace(subject, dependencies=asked)
    return subject
