"""``ImageSource``, the protocol of the ways to obtain an image, and the check of its platform."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.core.observations import ImageRef
from harness.core.targets import AssembledWay, ImageWay, RegistryWay, ReplicaWay, Target
from harness.host.engine import EngineImage
from harness.images.debian.upstream import ResolvedSet


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageStorage:
    """The storage that a target uses, as far as known without making anything."""

    image: str
    """Name in the engine; empty if unknown."""
    entries: frozenset[str] = frozenset()
    """Globs over ``<kind>/<name>`` of the cache."""


Way = TypeVar("Way", RegistryWay, AssembledWay, ReplicaWay)

SUBSTITUTED = "; packages "
"""Separates an image's origin from the note on packages that replace the requested ones."""


def origin_of(what: str, resolved: ResolvedSet) -> str:
    """Return an image's origin, with a note if its packages are not the requested ones."""
    return f"{what}{SUBSTITUTED}{resolved.note}" if resolved.note else what


class ImageSource(Protocol):
    """One way to obtain target images."""

    @property
    def way(self) -> ImageWay: ...

    def storage(self, target: Target) -> ImageStorage:
        """Return the storage that ``get`` uses. Makes and pulls nothing; needs no network."""

    def get(self, target: Target) -> ImageRef:
        """Return the image after loading it into the engine.

        Raises ``ImageError`` with the cause of the miss.
        """


def has_way(target: Target, way: ImageWay) -> bool:
    """Whether the matrix gives the target this way; others do not reach its source."""
    ways = {
        ImageWay.REGISTRY: target.registry,
        ImageWay.ASSEMBLED: target.assembled,
        ImageWay.REPLICA: target.replica,
    }
    return ways[way] is not None


def required(way: Way | None, target: Target) -> Way:
    """Return the way of a target. Raises ``ValueError`` if it has none."""
    if way is None:
        raise ValueError(f"{target.key} lacks this way to an image")
    return way


def check_platform(image: EngineImage, arch: Arch, reference: str) -> None:
    """Raise ``ImageError`` (``infra:wrong-arch``) if the image's config names another platform.

    Engines silently reuse a cached image of another architecture.
    """
    if not is_for(image, arch):
        raise ImageError(
            f"{reference}: its config says {image.platform} instead of {arch.platform}; "
            "name an image that exists for that platform in matrix/targets.yaml",
            cause=Cause.WRONG_ARCH,
        )


def is_for(image: EngineImage, arch: Arch) -> bool:
    """Whether the image's config names the platform of ``arch``."""
    # arm64 has one variant, v8, which images may omit (OCI image index spec).
    implied = "/v8" if arch.oci == "arm64" else ""
    return image.platform.removesuffix(implied) == arch.platform
