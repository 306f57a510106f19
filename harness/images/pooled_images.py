"""Target images on the engine that serves their arch."""

from collections.abc import Callable

from harness.core.errors import EngineError, ImageError
from harness.core.observations import ImageRef
from harness.core.targets import Target
from harness.host.engine import Engine
from harness.host.engine.engine_pool import EnginePool
from harness.images.image_provider import ImageProvider
from harness.images.source import ImageStorage


class PooledImages:
    """``ImageProvider`` over a pool of engines; ``make`` returns the images of one of them."""

    def __init__(self, pool: EnginePool, make: Callable[[Engine], ImageProvider]) -> None:
        self._pool = pool
        self._make = make
        self._made: dict[str, tuple[Engine, ImageProvider]] = {}

    def get(self, target: Target) -> ImageRef:
        """Return the image on the best engine; on the next one if that fails."""
        while True:
            best = self._pool.ranked(target.arch)[0]
            try:
                return self._of(target).get(target)
            except ImageError:
                raise
            except EngineError as error:
                self._pool.lose(best, error)
                if self._pool.ranked(target.arch)[0].address == best.address:
                    raise

    def uses(self, target: Target) -> tuple[ImageStorage, ...]:
        return self._of(target).uses(target)

    def has(self, target: Target) -> bool:
        return self._of(target).has(target)

    def size(self, ref: ImageRef, target: Target) -> int:
        return self._of(target).size(ref, target)

    def _of(self, target: Target) -> ImageProvider:
        """Return the images of the best engine for the target. Raises ``EngineError``."""
        best = self._pool.ranked(target.arch)[0]
        made = self._made.get(best.address)
        if made is None or made[0] is not best.engine:
            made = self._made[best.address] = best.engine, self._make(best.engine)
        return made[1]
