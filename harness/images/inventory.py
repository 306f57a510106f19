"""What there is of target images: an engine and a cache looked over, items out, items removed.

An item is in use when a target of the matrix would take it by one of its ways. Which of several
builds of one name is the current one could only be told by making it, so that the one made last
counts as that.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from harness.core.errors import ImageError
from harness.host.cache import Cache, tree_size
from harness.host.engine import Engine
from harness.images.source import ImageStorage

_KEY = re.compile(r"-[0-9a-f]{32}(?=\.|$)")
PREFIX = "wheelgrid/"
"""What the names of all images begin with that are made here."""
KINDS = ("roots", "interpreters", "builds", "installers", "debs", "stdlibs")
"""What the cache keeps for images, in files. All of it can be made again."""
TREE_KINDS = (
    "libraries",
    "source-trees",
    "host-pythons",
    "interpreter-headers",
    "header-trees",
)
"""And in directories."""
_SOLE = ("builds", "libraries")
"""Those of which one of a name is in use at a time."""


class StoragePlace(StrEnum):
    """Where an item is kept."""

    ENGINE = "engine"
    CACHE = "cache"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredItem:
    """One image in the engine or one file in the cache."""

    place: StoragePlace
    name: str
    """Of an image, or ``<kind>/<name>`` in the cache."""
    size: int
    """Bytes; an image's layers count in every image that has them."""
    made_at: float
    """Seconds since the epoch; 0 where nobody knows."""
    targets: tuple[str, ...]
    """Keys of the targets that use it, in the matrix's order."""


def list_inventory(
    engine: Engine,
    cache: Cache,
    uses: Mapping[str, Sequence[ImageStorage]],
    *,
    prefix: str = PREFIX,
) -> tuple[StoredItem, ...]:
    """Return the images and then the cache's entries, each by name.

    ``uses`` are those of every target, by its key. Raises ``EngineError``.
    """
    return (*sorted(_images(engine, uses, prefix), key=_name), *_entries(cache, uses))


def remove_items(
    items: Sequence[StoredItem], engine: Engine, cache: Cache, *, announce: Callable[[str], None]
) -> tuple[StoredItem, ...]:
    """Remove items one after the other; return those that are gone.

    An image that a container uses stays, and is announced. Raises ``CacheError``.
    """
    gone = []
    for item in items:
        try:
            _discard(item, engine, cache)
        except ImageError as error:
            announce(f"kept: {error}")
        else:
            gone.append(item)
    return tuple(gone)


def _discard(item: StoredItem, engine: Engine, cache: Cache) -> None:
    if item.place is StoragePlace.ENGINE:
        engine.remove_image(item.name)
    else:
        kind, _, name = item.name.partition("/")
        cache.discard(kind, name)


def _images(
    engine: Engine, uses: Mapping[str, Sequence[ImageStorage]], prefix: str
) -> Iterator[StoredItem]:
    for image in engine.list_images(prefix):
        for name in filter(lambda name: name.startswith(prefix), image.names):
            yield StoredItem(
                place=StoragePlace.ENGINE,
                name=name,
                size=image.size,
                made_at=image.named_at,
                targets=_users(uses, name),
            )


def _entries(cache: Cache, uses: Mapping[str, Sequence[ImageStorage]]) -> Iterator[StoredItem]:
    for kind in (*KINDS, *TREE_KINDS):
        paths = cache.entries(kind) or cache.trees(kind)
        current = _current(paths) if kind in _SOLE else set(paths)
        for path in paths:
            name, status = f"{kind}/{path.name}", path.stat()
            yield StoredItem(
                place=StoragePlace.CACHE,
                name=name,
                size=tree_size(path) if path.is_dir() else status.st_size,
                made_at=status.st_mtime,
                targets=_users(uses, name) if path in current else (),
            )


def _current(paths: Sequence[Path]) -> set[Path]:
    """Return the one made last of those that differ by their key alone."""
    last: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: path.stat().st_mtime):
        last[_KEY.sub("", path.name) or path.name] = path
    return set(last.values())


def _users(uses: Mapping[str, Sequence[ImageStorage]], name: str) -> tuple[str, ...]:
    return tuple(key for key, ways in uses.items() if any(_uses(way, name) for way in ways))


def _uses(use: ImageStorage, name: str) -> bool:
    return use.image == name or any(fnmatchcase(name, glob) for glob in use.entries)


def _name(item: StoredItem) -> str:
    return item.name
