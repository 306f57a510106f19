"""``ImageProvider``: the image of a target by the first way that works."""

from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.core.observations import ImageRef
from harness.core.targets import ImageWay, Target
from harness.host.compiler_check import MISSING, has_compiler
from harness.host.engine import Engine
from harness.images.assembled import AssembledSource
from harness.images.debian import Workspace
from harness.images.registry import REPEATED, RegistrySource
from harness.images.replica import FetchPip, ReplicaSource
from harness.images.source import ImageSource, ImageStorage, has_way

ONLY_WAY_TRIES = 4
_FALLBACK_TRIES = 2
"""Fewer tries for a registry if another way can follow."""


class ImageProvider:
    """Target images by the first of ``ways`` that works. Every fallback is announced.

    ``registry`` is a mirror as ``HOST/PREFIX`` (see ``registry.mirrored``). ``fetch_pip`` returns
    the wheel of pip for replicas (see ``replica.FetchPip``).
    """

    def __init__(
        self,
        engine: Engine,
        workspace: Workspace,
        *,
        ways: tuple[ImageWay, ...] = tuple(ImageWay),
        registry: str = "",
        fetch_pip: FetchPip,
    ) -> None:
        self._engine = engine
        self._ways = ways
        self._announce = workspace.announce
        tries = ONLY_WAY_TRIES if len(ways) == 1 else _FALLBACK_TRIES
        self._sources: tuple[ImageSource, ...] = (
            RegistrySource(
                engine, workspace.cache, mirror=registry, tries=tries, announce=workspace.announce
            ),
            AssembledSource(engine, workspace),
            ReplicaSource(engine, workspace, fetch_pip=fetch_pip)
            if has_compiler()
            else _NoReplica(),
        )

    def get(self, target: Target) -> ImageRef:
        """Return the target's image after loading it into the engine.

        Raises ``ImageError``: ``infra:no-way`` if the matrix gives the target none of the ways,
        else with the cause of the last way.
        """
        failures: list[tuple[ImageSource, ImageError]] = []
        for source in self._candidates(target):
            if failures:
                self._announce(_fallback(target, *failures[-1], source))
            try:
                return source.get(target)
            except ImageError as error:
                failures.append((source, error))
        raise _combined(target, [(source.way, error) for source, error in failures])

    def uses(self, target: Target) -> tuple[ImageStorage, ...]:
        """Return the storage that the target uses by each of the ways, in order.

        Makes nothing and needs no network.
        """
        offered = [source for source in self._sources if has_way(target, source.way)]
        return tuple(s.storage(target) for s in offered if s.way in self._ways)

    def has(self, target: Target) -> bool:
        """Whether the engine has the target's image by one of the ways. Raises ``EngineError``."""
        names = [use.image for use in self.uses(target) if use.image]
        return any(self._engine.find_image(name) for name in names)

    def size(self, ref: ImageRef, _: Target) -> int:
        """Return the bytes of a target's image in the engine; 0 if it is not there any more."""
        made = self._engine.find_image(ref.id)
        return made.size if made else 0

    def _candidates(self, target: Target) -> list[ImageSource]:
        offered = [source for source in self._sources if has_way(target, source.way)]
        asked = [source for source in offered if source.way in self._ways]
        if not asked:
            raise ImageError(self._no_way(target, offered), cause=Cause.NO_WAY)
        return asked

    def _no_way(self, target: Target, offered: list[ImageSource]) -> str:
        ways = ", ".join(source.way for source in offered) or "none"
        every = set(self._ways) == set(ImageWay)
        asked = "way to get an image" if every else f"{' or '.join(self._ways)} way"
        return f"{target.key}: no {asked} in matrix/targets.yaml; it has: {ways}"


class _NoReplica:
    """``ImageSource`` where replicas cannot be compiled."""

    way = ImageWay.REPLICA

    def storage(self, _: Target) -> ImageStorage:
        return ImageStorage(image="")

    def get(self, target: Target) -> ImageRef:
        raise ImageError(f"{target.key}: {MISSING}", cause=Cause.INTERPRETER)


def _fallback(target: Target, failed: ImageSource, error: ImageError, then: ImageSource) -> str:
    reason = str(error).partition("\n")[0].partition(REPEATED)[0]
    return f"{target.key}: no image by the {failed.way} way ({reason}); trying {then.way}"


def _combined(target: Target, failures: list[tuple[ImageWay, ImageError]]) -> ImageError:
    if len(failures) == 1:
        return failures[0][1]
    lines = [f"  {way}: {error}" for way, error in failures]
    return ImageError(
        "\n".join([f"{target.key}: no way gives an image", *lines]), cause=failures[-1][1].cause
    )
