"""The assembled way: images of Debian packages, for a suite and an arch.

The image's name holds a key of the recipe and of the packages' digests, so an image in the engine
is used without network access.
"""

from harness.core.observations import ImageRef
from harness.core.targets import ImageWay, Target
from harness.host.cache import content_key
from harness.host.code_key import code_key
from harness.host.engine import Engine, EngineImage
from harness.images.bytecode import Bytecode, read_bytecode, write_layer
from harness.images.debian import Workspace
from harness.images.debian_root import Recipe, native_arch, write_recipe
from harness.images.image_archive import write_archive
from harness.images.roots import Root, Roots
from harness.images.source import ImageStorage, check_platform, origin_of, required

_WRITERS = ("harness.images.bytecode", "harness.images.image_archive")
"""The modules that write an image of given root file systems."""


class AssembledSource:
    """``ImageSource`` for assembled Debian root file systems."""

    way = ImageWay.ASSEMBLED

    def __init__(self, engine: Engine, workspace: Workspace) -> None:
        self._engine = engine
        self._cache = workspace.cache
        self._roots = Roots(workspace)

    def storage(self, target: Target) -> ImageStorage:
        known = [self._roots.recall(recipe) for recipe in recipes(target)]
        roots = [root for root in known if root]
        entries = frozenset(entry for root in roots for entry in root.entries)
        return ImageStorage(image=_name(roots) if len(roots) == len(known) else "", entries=entries)

    def get(self, target: Target) -> ImageRef:
        """Return the image, assembled and loaded unless the engine has it.

        Raises ``ImageError``: ``infra:assemble``, ``infra:upstream``, ``infra:disk``, or
        ``infra:wrong-arch`` if the engine has another image under that name.
        """
        asked = recipes(target)
        roots = [self._roots.resolve(recipe) for recipe in asked]
        image = self._engine.find_image(_name(roots))
        if image is None:  # without a lock before: a cache may be read-only
            with self._cache.lock(f"assembled-{asked[0].key}"):
                roots = [self._roots.make(recipe) for recipe in asked]
                image = self._engine.find_image(_name(roots)) or self._load(roots)
        reference = _name(roots)
        check_platform(image, target.arch, reference)
        what = f"Debian {asked[0].suite} {reference.rpartition(':')[2]}"
        return ImageRef(id=image.id, way=self.way, origin=origin_of(what, roots[0].resolved))

    def _load(self, roots: list[Root]) -> EngineImage:
        root, *natives = roots
        bytecode = read_bytecode(self._roots.tar(natives[0])) if natives else Bytecode()
        with self._roots.workdir() as workdir:
            layer, archive = workdir / "layer.tar", workdir / "image.tar"
            write_layer(self._roots.tar(root), bytecode, layer)
            reference = _name(roots)
            write_archive(
                [layer], archive, reference=reference, arch=root.recipe.arch, labels=root.labels
            )
            return self._engine.load_image(archive, reference)


def recipes(target: Target) -> tuple[Recipe, ...]:
    """Return the recipe of the target's root, and for a foreign arch that of the native root.

    The native root has the same packages. Its compiled Python files serve every arch.
    """
    way = required(target.assembled, target)
    own = write_recipe(way.suite, target.arch, way.packages)
    return (own,) if own.native else (own, write_recipe(way.suite, native_arch(), way.packages))


def _name(roots: list[Root]) -> str:
    """Return the image's name, which depends on the target's root and the native root."""
    recipe = roots[0].recipe
    keys = [root.key for root in roots]
    key = content_key(code_key(*_WRITERS), *keys)
    return f"wheelgrid/{recipe.suite}-{recipe.arch.name}:{key}"
