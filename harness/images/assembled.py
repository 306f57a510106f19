"""The assembled way: a suite, an arch and package names in, an image of Debian's own packages out.

The image's name holds a key of the recipe and of the resolved packages, so one that the
engine has is used without a question.
"""

from collections.abc import Callable

from harness.cache import Cache, content_key
from harness.engine import Engine, EngineImage
from harness.images.archive import ENVIRONMENT, write_archive
from harness.images.bytecode import Bytecode, read_bytecode, write_layer
from harness.images.debian import Recipe, native_arch, write_recipe
from harness.images.roots import Root, Roots, entry_name
from harness.images.source import Use, check_platform
from harness.model import ImageRef, ImageWay, Target

_LAYOUT = "1"
"""Raised when archive.py or bytecode.py come to write other bytes for the same packages."""


class AssembledSource:
    """``ImageSource`` over Debian's archive, a cache of roots and the engine."""

    way = ImageWay.ASSEMBLED

    def __init__(self, engine: Engine, cache: Cache, *, announce: Callable[[str], None]) -> None:
        self._engine = engine
        self._cache = cache
        self._roots = Roots(cache, announce=announce)

    def offers(self, target: Target) -> bool:
        return target.assembled is not None

    def use(self, target: Target) -> Use:
        recipe = _recipe(target)
        compiler = _compiler(recipe)
        root = self._roots.recall(recipe)
        compiled = self._roots.recall(compiler) if compiler else None
        entries = frozenset(f"roots/{entry_name(known)}" for known in (root, compiled) if known)
        if root is None or (compiler and compiled is None):
            return Use(image="", entries=entries)
        return Use(image=_name(root, compiled), entries=entries)

    def get(self, target: Target) -> ImageRef:
        """Return the image, assembled and loaded unless the engine has it.

        Raises ``ImageError``: ``infra:assemble``, ``infra:disk``, or ``infra:wrong-arch`` for an
        engine that gives back something else than what it was given.
        """
        recipe = _recipe(target)
        compiler = _compiler(recipe)
        with self._cache.lock(f"assembled-{recipe.key}"):
            root = self._roots.resolve(recipe)
            compiled = self._roots.resolve(compiler) if compiler else None
            reference = _name(root, compiled)
            image = self._engine.find_image(reference) or self._load(root, compiled, reference)
        check_platform(image, recipe.arch, reference)
        key = reference.rpartition(":")[2]
        return ImageRef(id=image.id, way=self.way, origin=f"Debian {recipe.suite} {key}")

    def _load(self, root: Root, compiled: Root | None, reference: str) -> EngineImage:
        bytecode = read_bytecode(self._roots.tar(compiled)) if compiled else Bytecode()
        with self._roots.workdir() as workdir:
            layer, archive = workdir / "layer.tar", workdir / "image.tar"
            write_layer(self._roots.tar(root), bytecode, layer)
            write_archive(
                [layer], archive, reference=reference, arch=root.recipe.arch, labels=root.labels
            )
            return self._engine.load_image(archive, reference)


def _recipe(target: Target) -> Recipe:
    if target.assembled is None:
        raise ValueError(f"{target.key} has no assembled way")
    return write_recipe(target.assembled.suite, target.arch, target.assembled.packages)


def _compiler(recipe: Recipe) -> Recipe | None:
    """Return the native root of the same suite and packages, whose compiled files serve all."""
    return None if recipe.native else write_recipe(recipe.suite, native_arch(), recipe.packages)


def _name(root: Root, compiled: Root | None) -> str:
    key = content_key(_LAYOUT, root.key, compiled.key if compiled else "", *ENVIRONMENT)
    return f"wheelgrid/{root.recipe.suite}-{root.recipe.arch.name}:{key}"
