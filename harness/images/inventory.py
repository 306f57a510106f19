"""List and remove the images in the engine and the cache entries for images.

An item is in use if a target of the matrix uses it by one of its ways. The key of a build is only
known by building it, so the newest build of a name counts as current.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from harness.core.errors import ImageError
from harness.host.cache import Cache, tree_size
from harness.host.engine import Engine
from harness.images.source import ImageStorage

_WILDCARD = re.compile(r"[*?[]")
_KEY = re.compile(r"-[0-9a-f]{32}(?=\.|$)")
PREFIX = "wheelgrid/"
"""Prefix of the names of all images that the harness makes."""
KINDS = (
    *("roots", "alpine-bases", "interpreters", "builds", "configured", "installers", "debs"),
    "stdlibs",
)
"""Kinds of cache files for images. All of them can be made again."""
TREE_KINDS = ("libraries", "source-trees", "host-pythons", "interpreter-headers", "header-trees")
"""Kinds of cache directories for images."""
_ONE_CURRENT = ("builds", "configured", "libraries")
"""Kinds with one current entry per name."""


class StoragePlace(StrEnum):
    """Where an item is stored."""

    ENGINE = "engine"
    CACHE = "cache"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredItem:
    """An image in the engine, or a file or directory in the cache."""

    place: StoragePlace
    name: str
    """The image's name, or ``<kind>/<name>`` in the cache."""
    size: int
    """Bytes. Shared layers count in every image."""
    made_at: float
    """Seconds since the epoch; 0 if unknown."""
    targets: tuple[str, ...]
    """Keys of the targets that use it, in the matrix's order."""
    engine: str = ""
    """Address of the image's engine; empty for this machine's."""

    @property
    def title(self) -> str:
        """The name, and the engine if it is not this machine's."""
        return f"{self.name} on {self.engine}" if self.engine else self.name


def list_inventory(
    engines: Mapping[str, Engine],
    cache: Cache,
    uses: Mapping[str, Sequence[ImageStorage]],
    *,
    prefix: str = PREFIX,
) -> tuple[StoredItem, ...]:
    """Return the images of each engine sorted by name, then the cache entries.

    ``engines`` are by address, as ``StoredItem`` has it; ``uses`` maps each target's key to the
    storage that it uses. Raises ``EngineError``.
    """
    users = _Users(uses)
    images = [
        image
        for at, engine in engines.items()
        for image in sorted(_images(at, engine, users, prefix), key=lambda image: image.name)
    ]
    return (*images, *_entries(cache, users))


def remove_items(
    items: Sequence[StoredItem],
    engines: Mapping[str, Engine],
    cache: Cache,
    *,
    announce: Callable[[str], None],
) -> tuple[StoredItem, ...]:
    """Remove items and return the removed ones.

    Images that a container uses are kept and announced. Raises ``CacheError``.
    """
    gone = []
    for item in items:
        try:
            _discard(item, engines, cache)
        except ImageError as error:
            announce(f"kept: {error}")
        else:
            gone.append(item)
    return tuple(gone)


def _discard(item: StoredItem, engines: Mapping[str, Engine], cache: Cache) -> None:
    if item.place is StoragePlace.ENGINE:
        engines[item.engine].remove_image(item.name)
    else:
        kind, _, name = item.name.partition("/")
        cache.discard(kind, name)


def _images(at: str, engine: Engine, users: "_Users", prefix: str) -> Iterator[StoredItem]:
    for image in engine.list_images(prefix):
        for name in filter(lambda name: name.startswith(prefix), image.names):
            yield StoredItem(
                place=StoragePlace.ENGINE,
                name=name,
                size=image.size,
                made_at=image.named_at,
                targets=users.of(name),
                engine=at,
            )


def _entries(cache: Cache, users: "_Users") -> Iterator[StoredItem]:
    for kind in (*KINDS, *TREE_KINDS):
        paths = cache.entries(kind) or cache.trees(kind)
        current = _current(paths) if kind in _ONE_CURRENT else set(paths)
        for path in paths:
            name, status = f"{kind}/{path.name}", path.stat()
            yield StoredItem(
                place=StoragePlace.CACHE,
                name=name,
                size=tree_size(path) if path.is_dir() else status.st_size,
                made_at=status.st_mtime,
                targets=users.of(name) if path in current else (),
            )


def _current(paths: Sequence[Path]) -> set[Path]:
    """Return the newest of each group of paths that differ only by key."""
    last: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: path.stat().st_mtime):
        last[_KEY.sub("", path.name) or path.name] = path
    return set(last.values())


class _Users:
    """Which targets use an item; few of the globs have a wildcard."""

    def __init__(self, uses: Mapping[str, Sequence[ImageStorage]]) -> None:
        self._places = {key: place for place, key in enumerate(uses)}
        self._named: dict[str, set[str]] = defaultdict(set)
        self._globs: dict[str, set[str]] = defaultdict(set)
        for key, ways in uses.items():
            for name in (name for way in ways for name in (way.image, *way.entries)):
                (self._globs if _WILDCARD.search(name) else self._named)[name].add(key)

    def of(self, name: str) -> tuple[str, ...]:
        """Return the keys of the targets in their order."""
        matching = [keys for glob, keys in self._globs.items() if fnmatchcase(name, glob)]
        found = self._named.get(name, set()).union(*matching)
        return tuple(sorted(found, key=self._places.__getitem__))
