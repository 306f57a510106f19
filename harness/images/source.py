"""What every way of getting an image has in common: its protocol, and the check of the platform."""

from dataclasses import dataclass
from typing import Protocol

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.core.observations import ImageRef
from harness.core.targets import ImageWay, Target
from harness.host.engine import EngineImage
from harness.images.debian.upstream import ResolvedSet


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageStorage:
    """What a target would use, as far as is known without making anything."""

    image: str
    """Name in the engine; empty where it is not known."""
    entries: frozenset[str] = frozenset()
    """Globs over ``<kind>/<name>`` of the cache."""


SUBSTITUTED = "; packages "
"""What stands in an image's origin before what it is made of instead of what was asked for."""


def origin_of(what: str, resolved: ResolvedSet) -> str:
    """Return an image's origin: what it is, and in what it differs from what was asked for."""
    return f"{what}{SUBSTITUTED}{resolved.note}" if resolved.note else what


class ImageSource(Protocol):
    """One way to get target images."""

    @property
    def way(self) -> ImageWay: ...

    def offers(self, target: Target) -> bool:
        """Whether the matrix gives this target that way."""

    def storage(self, target: Target) -> ImageStorage:
        """Return what ``get`` would use; makes nothing, pulls nothing, asks no archive."""

    def get(self, target: Target) -> ImageRef:
        """Return the target's image, which is in the engine then.

        Asked only for a target that it offers. Raises ``ImageError`` with the cause of a miss.
        """


def check_platform(image: EngineImage, arch: Arch, reference: str) -> None:
    """Raise ``ImageError`` (``infra:wrong-arch``) when the image's config names another platform.

    Engines silently reuse a cached image of another architecture, so no answer of theirs
    is believed unseen.
    """
    if not is_for(image, arch):
        raise ImageError(
            f"{reference}: its config says {image.platform}, and {arch.platform} was asked for; "
            "name an image that exists for that platform in matrix/targets.yaml",
            cause=Cause.WRONG_ARCH,
        )


def is_for(image: EngineImage, arch: Arch) -> bool:
    """Whether the image's config names the platform of ``arch``."""
    # arm64 has one variant, v8, which images spell out or leave out (OCI image index spec).
    implied = "/v8" if arch.oci == "arm64" else ""
    return image.platform.removesuffix(implied) == arch.platform
