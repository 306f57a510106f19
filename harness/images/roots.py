"""The cache of Debian root file systems: resolve a recipe's packages and assemble its tar file."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.causes import Cause
from harness.core.errors import ImageError, UpstreamError
from harness.host.cache import content_key
from harness.images.debian import Package, Workspace
from harness.images.debian.packages import contents_key
from harness.images.debian.upstream import DEBS, ResolvedSet, cached_name
from harness.images.debian_root import Recipe, assemble_root

ROOM = 512 << 20
"""Bytes that the making of an image needs in the cache: root, layers and archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A root file system: the recipe and its resolved packages. Its tar may not exist yet."""

    recipe: Recipe
    resolved: ResolvedSet

    @property
    def packages(self) -> tuple[Package, ...]:
        return self.resolved.packages

    @property
    def key(self) -> str:
        """Key of its content."""
        return content_key(self.recipe.key, contents_key(self.packages))

    @property
    def labels(self) -> dict[str, str]:
        """Labels of an image with this root."""
        return {
            "wheelgrid.suite": self.recipe.suite,
            "wheelgrid.packages": " ".join(f"{p.name}={p.version}" for p in self.packages),
        }

    @property
    def entries(self) -> frozenset[str]:
        """Its cache entries, as ``<kind>/<name>``."""
        debs = (f"{DEBS}/{cached_name(package)}" for package in self.packages)
        return frozenset((f"roots/{entry_name(self)}", *debs))


class Roots:
    """The roots in a cache.

    Methods raise ``ImageError``: ``infra:assemble``, ``infra:upstream`` or ``infra:disk``.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._cache = workspace.cache
        self._upstream = workspace.upstream
        self._announce = workspace.announce

    def recall(self, recipe: Recipe) -> Root | None:
        """Return the root if its packages are known without network access, else None."""
        resolved = self._upstream.recall(recipe.wanted)
        return Root(recipe=recipe, resolved=resolved) if resolved else None

    def resolve(self, recipe: Recipe) -> Root:
        """Return the root with its current packages, which may be unavailable."""
        with _upstream_errors():
            return Root(recipe=recipe, resolved=self._upstream.resolve(recipe.wanted))

    def make(self, recipe: Recipe) -> Root:
        """Return the root with packages that can all be fetched, after assembling its tar file."""
        root = self.resolve(recipe)
        if self._cache.has("roots", entry_name(root)):
            return root
        with _upstream_errors():
            resolved, debs = self._upstream.fetch(recipe.wanted)
        root = Root(recipe=recipe, resolved=resolved)

        def assemble(path: Path) -> None:
            self._announce(f"assembling {recipe.wanted.title}")
            assemble_root(recipe, debs, path)

        with self.workdir():
            self._cache.get("roots", entry_name(root), assemble)
        return root

    def tar(self, root: Root) -> Path:
        """Return the tar file of a root that ``make`` returned."""
        return self._cache.root / "roots" / entry_name(root)

    @contextlib.contextmanager
    def workdir(self) -> Iterator[Path]:
        """Make a temporary directory on the cache's disk, so that files can be renamed into it.

        Raises ``ImageError`` for a full disk, also for an ``OSError`` inside the context.
        """
        try:
            self._cache.root.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self._cache.root).free
            if free < ROOM:
                room = f"{free >> 20} MiB free, but an image needs {ROOM >> 20}"
                raise _full(self._cache.root, room)
            with tempfile.TemporaryDirectory(prefix=".making-", dir=self._cache.root) as name:
                yield Path(name)
        except OSError as error:
            where = error.filename or self._cache.root
            raise _full(where, error.strerror or str(error)) from error


def entry_name(root: Root) -> str:
    """Return the root's name in the cache kind ``roots``."""
    return f"{root.key}.tar"


@contextlib.contextmanager
def _upstream_errors() -> Iterator[None]:
    try:
        yield
    except UpstreamError as error:
        raise ImageError(str(error), cause=Cause.UPSTREAM) from error


def _full(where: str | Path, what: str) -> ImageError:
    return ImageError(
        f"{where}: {what}; free some space there, or set WHEELGRID_CACHE to another directory",
        cause=Cause.DISK,
    )
