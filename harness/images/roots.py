"""Debian root file systems, kept: a recipe in, what it came to and its tar file out.

Roots are kept in the cache; what the archive last resolved to is remembered for a day.
"""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.cache import Cache, content_key
from harness.errors import ImageError
from harness.images.debian import Package, Recipe, assemble_root, resolve_packages
from harness.images.resolutions import Resolutions

ROOM = 512 << 20
"""Bytes that one image takes in the cache while it is made: root, layers and archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A root file system that is or can be made: the recipe and what it resolved to."""

    recipe: Recipe
    packages: tuple[Package, ...]

    @property
    def key(self) -> str:
        """Stand for every byte of it."""
        versions = (f"{package.name}={package.version}" for package in self.packages)
        return content_key(self.recipe.key, *versions)

    @property
    def labels(self) -> dict[str, str]:
        """What an image with this root says of it."""
        return {
            "wheelgrid.suite": self.recipe.suite,
            "wheelgrid.packages": " ".join(f"{p.name}={p.version}" for p in self.packages),
        }


class Roots:
    """The roots of one cache. What it raises has the cause ``infra:assemble`` or ``infra:disk``."""

    def __init__(self, cache: Cache, *, announce: Callable[[str], None]) -> None:
        self._cache = cache
        self._announce = announce
        self._resolutions = Resolutions(cache.root / "resolutions")

    def recall(self, recipe: Recipe) -> Root | None:
        """Return what the recipe last came to, without asking the archive; None if unknown."""
        known = self._resolutions.recall(recipe)
        return Root(recipe=recipe, packages=known.packages) if known else None

    def resolve(self, recipe: Recipe) -> Root:
        """Return what the recipe comes to now; the archive is asked once a day.

        Raises ``ImageError``.
        """
        with self._cache.lock(f"root-{recipe.key}"):
            return self._resolved(recipe)

    def tar(self, root: Root) -> Path:
        """Return the root's tar file, assembled again where the cache has lost it.

        Raises ``ImageError``.
        """

        def make(path: Path) -> None:
            found = assemble_root(root.recipe, path)
            if found != root.packages:
                self._resolutions.keep(root.recipe, found)
                raise ImageError(
                    f"Debian {root.recipe.suite} changed while it was assembled; run it again",
                    cause="infra:assemble",
                )

        return self._cache.get("roots", entry_name(root), make)

    @contextlib.contextmanager
    def workdir(self) -> Iterator[Path]:
        """Make a directory on the cache's own disk: finished files are renamed into it.

        Raises ``ImageError``, and turns what the disk raises within into one.
        """
        try:
            free = shutil.disk_usage(self._cache.root).free
            if free < ROOM:
                room = f"{free >> 20} MiB free, and an image takes {ROOM >> 20}"
                raise _full(self._cache.root, room)
            with tempfile.TemporaryDirectory(prefix=".making-", dir=self._cache.root) as name:
                yield Path(name)
        except OSError as error:
            where = error.filename or self._cache.root
            raise _full(where, error.strerror or str(error)) from error

    def _resolved(self, recipe: Recipe) -> Root:
        known = self._resolutions.recall(recipe)
        if known is None:
            # Assembling tells it too, and saves downloading the package index twice.
            return self._assemble(recipe)
        if not known.is_fresh(time.time()):
            try:
                known = self._resolutions.keep(recipe, resolve_packages(recipe))
            except ImageError as error:
                self._announce(
                    f"{recipe.suite}/{recipe.arch.name}: using the packages as of "
                    f"{time.strftime('%Y-%m-%d', time.gmtime(known.at))} ({_first_line(error)})"
                )
        return Root(recipe=recipe, packages=known.packages)

    def _assemble(self, recipe: Recipe) -> Root:
        """Assemble whatever the archive has now, keep it in the cache and remember what it is."""
        self._announce(f"assembling Debian {recipe.suite} for {recipe.arch.name}")
        with self.workdir() as workdir:
            made = workdir / "root.tar"
            root = Root(recipe=recipe, packages=assemble_root(recipe, made))

            def move(path: Path) -> None:
                made.replace(path)

            self._cache.get("roots", entry_name(root), move)
        self._resolutions.keep(recipe, root.packages)
        return root


def entry_name(root: Root) -> str:
    """Return the root's name among the cache's ``roots``."""
    return f"{root.key}.tar"


def _full(where: str | Path, what: str) -> ImageError:
    return ImageError(
        f"{where}: {what}; free some space there, or set WHEELGRID_CACHE to another directory",
        cause="infra:disk",
    )


def _first_line(error: ImageError) -> str:
    return str(error).partition("\n")[0]
