"""The tests' cache: a directory beside the user's, filled from it with hard links.

``$WHEELGRID_TEST_CACHE`` names another directory. What the tests make stays for their next run.
"""

import contextlib
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.host.cache import Cache, default_cache_root

USER_CACHE = default_cache_root()
"""Read at import: a session of tests sets ``$WHEELGRID_CACHE`` to its own."""
_NOT_SHARED = {"locks", "logs", "failed-registries"}
_WRITTEN_IN_PLACE = {"zig"}
"""The compiler's own cache. All other entries are replaced and never written again."""


_Take = Callable[[str, str], object]


def own_cache_root() -> Path:
    """Return ``$WHEELGRID_TEST_CACHE``, or a directory beside the user's cache."""
    chosen = os.environ.get("WHEELGRID_TEST_CACHE")
    return Path(chosen) if chosen else USER_CACHE.with_name(f"{USER_CACHE.name}-tests")


def link_cache(source: Path, cache: Cache) -> None:
    """Link every entry of ``source`` that ``cache`` lacks; copy what is written in place."""
    kinds = sorted(path for path in source.glob("[!.]*") if path.name not in _NOT_SHARED)
    for kind in kinds:
        take: _Take = shutil.copy2 if kind.name in _WRITTEN_IN_PLACE else _link
        (cache.root / kind.name).mkdir(parents=True, exist_ok=True)
        for entry in sorted(kind.glob("[!.]*")):
            if entry.is_dir():
                cache.tree(kind.name, entry.name, partial(_take_tree, entry, take))
            else:
                take(str(entry), str(cache.root / kind.name / entry.name))


def _take_tree(source: Path, take: _Take, place: Path) -> None:
    shutil.copytree(source, place, symlinks=True, copy_function=take, dirs_exist_ok=True)


def _link(source: str, place: str) -> None:
    """Link a file, or copy it to another file system; keep the existing one."""
    with contextlib.suppress(FileExistsError):
        try:
            os.link(source, place)
        except FileExistsError:
            raise
        except OSError:
            shutil.copy2(source, place)
