"""The registry way: images that are pulled and prepared.

A tag is pulled every time, because tags move; its digest is recorded. The result of the prepare
commands is kept under a key of the pulled image and the commands.
"""

import contextlib
import time
from collections.abc import Callable

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.core.observations import ImageRef
from harness.core.targets import ImageWay, Target
from harness.host.cache import Cache, content_key, storing
from harness.host.engine import Engine, EngineImage, PreparedImage
from harness.host.engine.engine_images import split_reference
from harness.host.offline import is_offline
from harness.images.source import ImageStorage, check_platform, is_for, required

FIRST_PAUSE = 1.0
"""Seconds before the second try; doubled before each later one."""
SKIPPED_SECONDS = 120.0
"""Seconds for which no process on this cache tries a registry that failed."""
REPEATED = "; its error: "
"""What precedes the registry's earlier error in the message of an image that was not tried."""


class RegistrySource:
    """``ImageSource`` for a registry; ``mirror`` is ``HOST/PREFIX`` or empty."""

    way = ImageWay.REGISTRY

    def __init__(
        self,
        engine: Engine,
        cache: Cache,
        *,
        mirror: str,
        tries: int,
        announce: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._cache = cache
        self._mirror = mirror
        self._tries = tries
        self._announce = announce

    def storage(self, target: Target) -> ImageStorage:
        way = required(target.registry, target)
        reference = mirrored(way.image, self._mirror)
        base = self._engine.find_image(reference)
        if base is None or not is_for(base, target.arch):
            return ImageStorage(image="")
        if not way.prepare:
            return ImageStorage(image=reference)
        return ImageStorage(image=prepared_name(reference, base.id, target.arch, way.prepare))

    def get(self, target: Target) -> ImageRef:
        """Return the prepared image for the target's platform.

        Raises ``ImageError``: ``infra:not-found`` (no such image, or none for that platform),
        ``infra:pull`` (may work later), ``infra:wrong-arch``, ``infra:prepare``.
        """
        way = required(target.registry, target)
        return self.fetch(way.image, target.arch, prepare=way.prepare)

    def fetch(self, image: str, arch: Arch, *, prepare: tuple[str, ...] = ()) -> ImageRef:
        """Return the prepared image of that name for that arch. Raises as ``get``."""
        reference = mirrored(image, self._mirror)
        # One pull of a name at a time: the engine keeps only the last platform of a tag.
        with self._cache.lock(f"pull-{reference}"):
            base = self._pinned(reference, arch) or self._pull(reference, arch)
        check_platform(base, arch, reference)
        prepared = self._prepared(base, reference, arch, prepare)
        return ImageRef(id=prepared.id, way=self.way, origin=_origin(base, reference))

    def _prepared(
        self, base: EngineImage, reference: str, arch: Arch, commands: tuple[str, ...]
    ) -> EngineImage:
        if not commands:
            return base
        name = prepared_name(reference, base.id, arch, commands)
        image = self._engine.find_image(name)
        if image is not None:
            check_platform(image, arch, name)
            return image
        with self._cache.lock(name):
            image = self._engine.find_image(name)
            if image is None and is_offline():
                raise ImageError(
                    f"{reference}: it is not prepared, which needs the network, and --offline "
                    "uses none",
                    cause=Cause.PREPARE,
                )
            if image is None:
                self._announce(f"preparing {reference} for {arch.name}")
                wanted = PreparedImage(
                    reference=name,
                    base=base.id,
                    arch=arch,
                    commands=commands,
                    labels={"wheelgrid.base": base.id},
                )
                image = self._engine.prepare_image(wanted, self._announce)
        check_platform(image, arch, name)
        return image

    def _pinned(self, reference: str, arch: Arch) -> EngineImage | None:
        """Return the engine's image of that digest if it is for that platform."""
        image = self._engine.find_image(reference) if "@" in reference else None
        return image if image and is_for(image, arch) else None

    def _pulled(self, reference: str, arch: Arch) -> EngineImage:
        image = self._engine.find_image(reference)
        if image is None or not is_for(image, arch):
            raise ImageError(
                f"{reference}: the engine does not have it for {arch.name}, and --offline pulls "
                "nothing",
                cause=Cause.PULL,
            )
        return image

    def _pull(self, reference: str, arch: Arch) -> EngineImage:
        """Pull, and retry after a pause if that may help; skip a registry that failed recently.

        Offline, the image of that name is taken that was pulled last.
        """
        if is_offline():
            return self._pulled(reference, arch)
        failed_before = FailedRegistry(self._cache, registry_host(reference))
        failed_before.check(reference)
        for attempt in range(1, self._tries + 1):
            self._announce(f"pulling {reference} for {arch.name}")
            try:
                return self._engine.pull_image(reference, arch)
            except ImageError as error:
                if error.cause != Cause.PULL:
                    raise
                failed = error
            if attempt < self._tries:
                time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
        failed_before.record(str(failed))
        raise failed


class FailedRegistry:
    """A file in the cache that records, for all processes, that a registry failed."""

    def __init__(self, cache: Cache, host: str) -> None:
        self._host = host
        self._file = cache.root / "failed-registries" / content_key(host)

    def record(self, reason: str) -> None:
        """Record a failure, for ``SKIPPED_SECONDS``."""
        with storing(self._file):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(reason)

    def check(self, reference: str) -> None:
        """Raise ``ImageError`` (``infra:pull``) if the registry failed recently."""
        with contextlib.suppress(FileNotFoundError):
            age = time.time() - self._file.stat().st_mtime
            if 0 <= age < SKIPPED_SECONDS:
                raise ImageError(
                    f"{reference}: {self._host} failed {age:.0f} s ago and is not tried for "
                    f"{SKIPPED_SECONDS:.0f} s{REPEATED}{self._file.read_text()}",
                    cause=Cause.PULL,
                )


def mirrored(image: str, mirror: str) -> str:
    """Return the image's name at a mirror ``HOST/PREFIX``, or unchanged without a mirror.

    The mirror uses the same paths without the original host: ``debian:12`` is
    ``HOST/PREFIX/debian:12``, ``quay.io/pypa/manylinux_2_28_x86_64`` is
    ``HOST/PREFIX/pypa/manylinux_2_28_x86_64``.
    """
    if not mirror:
        return image
    host, path = _split_host(image)
    return f"{mirror.rstrip('/')}/{path if host else image}"


def registry_host(image: str) -> str:
    """Return the registry host in an image's name, or ``the default registry``."""
    return _split_host(image)[0] or "the default registry"


def prepared_name(reference: str, base: str, arch: Arch, commands: tuple[str, ...]) -> str:
    """Return the prepared image's name in the engine, tagged with the key of its content."""
    name = split_reference(reference)[0].rpartition("/")[2]
    return f"wheelgrid/prepared-{name}-{arch.name}:{content_key(base, arch.name, *commands)}"


def _split_host(image: str) -> tuple[str, str]:
    """Split off the registry host: as in docker, it has a dot or colon, or is ``localhost``."""
    first, slash, rest = image.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return (first, rest) if is_host else ("", image)


def _origin(image: EngineImage, reference: str) -> str:
    """Return the reference with the digest that was pulled."""
    if "@" in reference:
        return reference
    digests = [digest.partition("@")[2] for digest in image.digests]
    return f"{reference}@{digests[0]}" if digests else f"{reference} {image.id}"
