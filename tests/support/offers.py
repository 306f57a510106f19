"""A catalogue in memory, for tests of the resolver."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.version import Version

from harness.core.errors import WheelError
from harness.wheels.dependencies.offers import OfferedWheel
from harness.wheels.index.lock import LockedWheel

ANYWHERE = ("py3-none-any",)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One release: its wheels' tags and their metadata."""

    requires: tuple[str, ...] = ()
    tags: tuple[str, ...] = ANYWHERE
    """One wheel each."""
    python: str = ""
    """Requires-Python, as the index lists it."""
    hidden_python: str = ""
    """Requires-Python that only the metadata has."""
    yanked: bool = False
    sdist: bool = True
    damaged: bool = False
    """Its metadata cannot be read."""


@dataclass
class Shelf:
    """A ``Catalogue`` of ``{"numpy": {"2.0": Offer()}}``."""

    offers: Mapping[str, Mapping[str, Offer]]
    read: list[str] = field(default_factory=list)
    """The files whose metadata was read."""
    name: str = "the package index"

    def project(self, name: str) -> "ShelfProject | None":
        return ShelfProject(name, self.offers[name]) if name in self.offers else None

    def metadata(self, offered: OfferedWheel) -> tuple[str, tuple[str, ...]]:
        self.read.append(offered.wheel.filename)
        name, version, *_ = offered.wheel.filename.split("-")
        offer = self.offers[name.replace("_", "-")][version]
        if offer.damaged:
            raise WheelError("it is damaged")
        return offer.hidden_python, offer.requires

    def expect(self, names: Collection[str]) -> None:
        """Prepare nothing."""


class ShelfProject:
    """An ``OfferedProject``."""

    def __init__(self, name: str, offers: Mapping[str, Offer]) -> None:
        self._name = name
        self._offers = {Version(version): offer for version, offer in offers.items()}
        self.versions = tuple(sorted(self._offers, reverse=True))

    def wheels(self, version: Version) -> tuple[OfferedWheel, ...]:
        offer = self._offers[version]
        return tuple(
            OfferedWheel(
                wheel=LockedWheel(
                    filename=(name := f"{self._name.replace('-', '_')}-{version}-{tag}.whl"),
                    sha256=hashlib.sha256(name.encode()).hexdigest(),
                    requires_python=offer.python,
                    yanked=offer.yanked,
                )
            )
            for tag in offer.tags
        )

    def has_source(self, version: Version) -> bool:
        return self._offers[version].sdist


def files_of(resolved: Sequence[OfferedWheel]) -> list[str]:
    """Return ``["numpy-2.0-py3-none-any"]``."""
    return [each.wheel.filename.removesuffix(".whl") for each in resolved]
