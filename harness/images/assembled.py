"""The assembled way: a suite, an arch and package names in, an image of Debian's own packages out.

The image's name holds a key of the recipe and of the resolved packages, so one that the
engine has is used without a question. Roots are kept in the cache; what the archive last
resolved to is remembered for a day.
"""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.cache import Cache, content_key
from harness.engine import Engine, EngineImage
from harness.errors import ImageError
from harness.images.archive import ENVIRONMENT, write_archive
from harness.images.bytecode import Bytecode, read_bytecode, write_layer
from harness.images.debian import (
    Package,
    Recipe,
    assemble_root,
    native_arch,
    resolve_packages,
    write_recipe,
)
from harness.images.resolutions import Resolutions
from harness.images.source import check_platform
from harness.model import ImageRef, ImageWay, Target

ROOM = 512 << 20
"""Bytes that one image takes in the cache while it is made: root, layer and archive."""
_LAYOUT = "1"
"""Raised when archive.py or bytecode.py come to write other bytes for the same packages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Root:
    """A root file system that is or can be made: the recipe and what it resolved to."""

    recipe: Recipe
    packages: tuple[Package, ...]

    @property
    def key(self) -> str:
        versions = (f"{package.name}={package.version}" for package in self.packages)
        return content_key(self.recipe.key, *versions)


class AssembledSource:
    """``ImageSource`` over Debian's archive, a cache of roots and the engine."""

    way = ImageWay.ASSEMBLED

    def __init__(self, engine: Engine, cache: Cache, *, announce: Callable[[str], None]) -> None:
        self._engine = engine
        self._cache = cache
        self._announce = announce
        self._resolutions = Resolutions(cache.root / "resolutions")

    def offers(self, target: Target) -> bool:
        return target.assembled is not None

    def get(self, target: Target) -> ImageRef:
        """Return the image, assembled and loaded unless the engine has it.

        Raises ``ImageError``: ``infra:assemble``, or ``infra:wrong-arch`` for an engine
        that gives back something else than what it was given.
        """
        recipe = _recipe(target)
        with self._cache.lock(f"assembled-{recipe.key}"):
            root = self._resolved(recipe)
            compiled = None if recipe.native else self._native(recipe)
            key = content_key(_LAYOUT, root.key, compiled.key if compiled else "", *ENVIRONMENT)
            reference = f"wheelgrid/{recipe.suite}-{recipe.arch.name}:{key}"
            image = self._engine.find_image(reference) or self._load(root, compiled, reference)
        check_platform(image, recipe.arch, reference)
        return ImageRef(id=image.id, way=self.way, origin=f"Debian {recipe.suite} {key}")

    def _native(self, recipe: Recipe) -> _Root:
        """Return the native root of the same suite and packages, whose compiled files serve all."""
        native = write_recipe(recipe.suite, native_arch(), recipe.packages)
        with self._cache.lock(f"assembled-{native.key}"):
            return self._resolved(native)

    def _resolved(self, recipe: Recipe) -> _Root:
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
        return _Root(recipe=recipe, packages=known.packages)

    def _assemble(self, recipe: Recipe) -> _Root:
        """Assemble whatever the archive has now, keep it in the cache and remember what it is."""
        self._announce(f"assembling Debian {recipe.suite} for {recipe.arch.name}")
        with self._workdir() as workdir:
            made = workdir / "root.tar"
            root = _Root(recipe=recipe, packages=assemble_root(recipe, made))

            def move(path: Path) -> None:
                made.replace(path)

            self._cache.get("roots", f"{root.key}.tar", move)
        self._resolutions.keep(recipe, root.packages)
        return root

    def _load(self, root: _Root, compiled: _Root | None, reference: str) -> EngineImage:
        bytecode = read_bytecode(self._tar(compiled)) if compiled else Bytecode()
        with self._workdir() as workdir:
            layer, archive = workdir / "layer.tar", workdir / "image.tar"
            write_layer(self._tar(root), bytecode, layer)
            write_archive(
                layer, archive, reference=reference, arch=root.recipe.arch, labels=_labels(root)
            )
            return self._engine.load_image(archive, reference)

    def _tar(self, root: _Root) -> Path:
        """Return the root's tar file, assembled again where the cache has lost it."""

        def make(path: Path) -> None:
            found = assemble_root(root.recipe, path)
            if found != root.packages:
                self._resolutions.keep(root.recipe, found)
                raise ImageError(
                    f"Debian {root.recipe.suite} changed while it was assembled; run it again",
                    cause="infra:assemble",
                )

        return self._cache.get("roots", f"{root.key}.tar", make)

    @contextlib.contextmanager
    def _workdir(self) -> Iterator[Path]:
        """Make a directory on the cache's own disk: finished files are renamed into it."""
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


def _recipe(target: Target) -> Recipe:
    if target.assembled is None:
        raise ValueError(f"{target.key} has no assembled way")
    return write_recipe(target.assembled.suite, target.arch, target.assembled.packages)


def _full(where: str | Path, what: str) -> ImageError:
    return ImageError(
        f"{where}: {what}; free some space there, or set WHEELGRID_CACHE to another directory",
        cause="infra:disk",
    )


def _labels(root: _Root) -> dict[str, str]:
    return {
        "wheelgrid.suite": root.recipe.suite,
        "wheelgrid.packages": " ".join(f"{p.name}={p.version}" for p in root.packages),
    }


def _first_line(error: ImageError) -> str:
    return str(error).partition("\n")[0]
