"""The replica way: a rebuilt interpreter on a base of Debian packages, with a contemporary pip.

An image has these layers, which images share: the libc's base, on musl zlib, the renamed
interpreter and pip.
The image's name holds a key of their inputs, sources included, so an image in the engine is used
without compiling.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.causes import Cause
from harness.core.errors import BuildError, ImageError, PackageIndexError, UpstreamError
from harness.core.observations import ImageRef
from harness.core.targets import ImageWay, Interpreter, ReplicaWay, Target
from harness.host.cache import content_key
from harness.host.code_key import code_key
from harness.host.engine import Engine, EngineImage
from harness.images.alpine_base import KIND as ALPINE_BASES
from harness.images.alpine_base import alpine_base_layer
from harness.images.bytecode import Bytecode, write_layer
from harness.images.cpython import interpreter_tree
from harness.images.cpython.build import source_choice
from harness.images.cpython.libraries import SOURCES
from harness.images.cpython.toolchain import zig_target, zig_version
from harness.images.debian import Package, SourceChoice, Workspace
from harness.images.debian.mirrors import is_address
from harness.images.debian.upstream import DEBS, cached_name
from harness.images.debian_root import Recipe, native_arch, write_recipe
from harness.images.image_archive import write_archive
from harness.images.pip_layer import KIND as INSTALLERS
from harness.images.pip_layer import installer_layer
from harness.images.roots import Root, Roots
from harness.images.source import ImageStorage, check_platform, origin_of, required

FetchPip = Callable[[str], Path]
"""Maps a version of pip to its wheel file. Raises ``PackageIndexError``."""

_GLIBC_PACKAGES = ("libc6", "libcrypt1", "libgcc-s1", "libstdc++6", "zlib1g")
"""Packages of the libraries that PEP 600 lets a wheel expect, where the originals have them."""


class ReplicaSource:
    """``ImageSource`` for interpreters that are built here."""

    way = ImageWay.REPLICA

    def __init__(self, engine: Engine, workspace: Workspace, *, fetch_pip: FetchPip) -> None:
        self._engine = engine
        self._workspace = workspace
        self._fetch_pip = fetch_pip
        self._roots = Roots(workspace)

    def storage(self, target: Target) -> ImageStorage:
        way = _way(target)
        if way.own and self._workspace.upstream.has_source(source_choice(way.own)):
            return self.storage(replace(target, replica=way.with_own))
        root = self._roots.recall(recipe(target))
        sources = self._locked_sources(way)
        image = _name(target, root, sources) if root and sources else ""
        roots = root.entries if root else ()
        archives = (f"{DEBS}/{cached_name(source)}" for source in sources)
        return ImageStorage(
            image=image, entries=frozenset({*roots, *archives, *_entries(target, way)})
        )

    def get(self, target: Target) -> ImageRef:
        """Return the image. Missing parts are compiled, assembled and loaded.

        The interpreter is the environment's own if its source is available and compiles. Raises
        ``ImageError``: ``infra:interpreter``, ``infra:index``, ``infra:assemble``,
        ``infra:upstream``, ``infra:disk``, ``infra:wrong-arch``.
        """
        way = _way(target)
        if way.own and self._workspace.upstream.offers_source(source_choice(way.own)):
            try:
                return self._get(replace(target, replica=way.with_own))
            except ImageError as error:
                reason = str(error).partition("\n")[0]
                self._workspace.announce(
                    f"{target.key}: CPython {way.interpreter.python} stands in for "
                    f"{way.own.python} ({reason})"
                )
        return self._get(target)

    def _get(self, target: Target) -> ImageRef:
        way, asked = _way(target), recipe(target)
        root, sources = self._roots.resolve(asked), self._locked_sources(way)
        reference = _name(target, root, sources)
        image = self._engine.find_image(reference) if sources else None
        if image is None:
            root, sources = self._roots.make(asked), self._found_sources(target)
            reference = _name(target, root, sources)
            with self._workspace.cache.lock(reference):
                image = self._engine.find_image(reference) or self._load(target, root, reference)
        check_platform(image, target.arch, reference)
        origin = _origin(target, image, sources)
        return ImageRef(id=image.id, way=self.way, origin=origin_of(origin, root.resolved))

    def _locked_sources(self, way: ReplicaWay) -> tuple[Package, ...]:
        """Return the pinned sources that come first; empty if one is not pinned."""
        upstream = self._workspace.upstream
        found = [upstream.locked_source(choice) for choice in source_choices(way.interpreter)]
        pinned = tuple(source for source in found if source)
        return pinned if len(pinned) == len(found) else ()

    def _found_sources(self, target: Target) -> tuple[Package, ...]:
        """Fetch and return the sources that the interpreter is compiled from."""
        try:
            return tuple(
                self._workspace.upstream.source(choice)[0]
                for choice in source_choices(_way(target).interpreter)
            )
        except UpstreamError as error:
            raise ImageError(f"{target.key}: {error}", cause=Cause.UPSTREAM) from error

    def _load(self, target: Target, root: Root, reference: str) -> EngineImage:
        layers = self._layers(target)
        with self._roots.workdir() as workdir:
            base, archive = workdir / "base.tar", workdir / "image.tar"
            write_layer(self._roots.tar(root), Bytecode(), base)
            write_archive(
                [base, *layers],
                archive,
                reference=reference,
                arch=target.arch,
                labels=_labels(target, root),
            )
            return self._engine.load_image(archive, reference)

    def _layers(self, target: Target) -> tuple[Path, ...]:
        way = _way(target)
        layers = []
        try:
            if target.libc == "musl":
                layers.append(alpine_base_layer(target.arch, self._workspace))
            tree = interpreter_tree(
                way.interpreter, target.arch, target.libc, way.naming, self._workspace
            )
            wheel = self._fetch_pip(way.pip)
            layers += [tree, installer_layer(wheel, way.interpreter, self._workspace)]
        except BuildError as error:
            raise ImageError(f"{target.key}: {error}", cause=Cause.INTERPRETER) from error
        except (PackageIndexError, UpstreamError) as error:
            raise ImageError(f"{target.key}: {error}", cause=error.cause) from error
        return tuple(layers)


def _way(target: Target) -> ReplicaWay:
    return required(target.replica, target)


def recipe(target: Target) -> Recipe:
    """Return the recipe of the base for the target's interpreter."""
    packages = _GLIBC_PACKAGES if target.libc == "glibc" else ()
    return write_recipe(_way(target).suite, target.arch, packages, libc=target.libc)


def source_choices(interpreter: Interpreter) -> tuple[SourceChoice, ...]:
    """Return the sources that an interpreter is compiled from: its own, then its libraries'."""
    return (source_choice(interpreter), *SOURCES)


def _name(target: Target, root: Root, sources: Sequence[Package]) -> str:
    """Return the image's name, with a key of all inputs and of the code that makes the image."""
    way, arch = _way(target), target.arch
    naming = (side.get(arch.name, "") for side in (way.naming.builds, way.naming.second))
    key = content_key(
        code_key(__name__),
        root.key,
        way.interpreter.python,
        *(source.sha256 for source in sources),
        *(*naming, way.naming.last.get(arch.name, "")),
        *(zig_target(arch, target.libc), zig_version()),
        way.pip,
    )
    return f"wheelgrid/replica-{way.interpreter.id}-{way.naming.id}-{way.suite}-{arch.name}:{key}"


def _entries(target: Target, way: ReplicaWay) -> set[str]:
    """Return globs of the target's cache entries, those of the native build included."""
    # The native build is on glibc (``native_build``), whatever the target's libc.
    compiled = {(target.arch_name, target.libc), (native_arch().name, "glibc")}
    return {
        *(f"libraries/{arch}-{libc}-*" for arch, libc in compiled),
        f"stdlibs/python{way.interpreter.python}-*",
        # Named by digests: which of them the target uses is unknown before they are read.
        *("source-trees/*", "host-pythons/*", "interpreter-headers/*"),
        *(
            f"{kind}/{way.interpreter.id}-{arch}-{libc}-*"
            for kind in ("configured", "builds")
            for arch, libc in compiled
        ),
        f"interpreters/{way.interpreter.id}-{target.arch_name}-{target.libc}-*",
        f"{ALPINE_BASES}/{target.arch_name}-*",
        f"{INSTALLERS}/pip-{way.pip}-*-{way.interpreter.id}-*",
    }


def _labels(target: Target, root: Root) -> dict[str, str]:
    way = _way(target)
    made = f"CPython {way.interpreter.python}, naming {way.naming.id}, pip {way.pip}"
    return {**root.labels, "wheelgrid.replica": made}


def _origin(target: Target, image: EngineImage, sources: Sequence[Package]) -> str:
    """Return a description: the replicated environment, sources, naming, libc and pip."""
    way = _way(target)
    packages = dict(p.split("=", 1) for p in image.labels.get("wheelgrid.packages", "").split())
    libc = packages.get("musl" if target.libc == "musl" else "libc6", way.suite)
    release = is_address(sources[0].path)
    source = "the release of" if release else "Debian's"
    return (
        f"replica of {way.replicates}: {source} {sources[0].name} {sources[0].version} "
        f"(naming {way.naming.id}), {target.libc} {libc}, pip {way.pip}"
    )
