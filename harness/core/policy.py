"""Policies: a change of how interpreters or builders name modules."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.core.targets import Naming


class NewNames(StrEnum):
    """What builders call modules once a policy holds."""

    STABLE_TRIPLET = "stable-triplet"
    """``.abi3-<triplet>.so`` for ``.abi3.so``, as CPython 3.15 does."""
    MUSL = "musl"
    """musl's triplet in wheels for musl, as CPython 3.11 does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A change that a distribution or CPython made, or was asked to make."""

    id: str
    title: str
    link: str
    targets: tuple[str, ...]
    """Globs over the ids of the targets whose interpreter changes."""
    arches: tuple[str, ...] = ()
    naming: Naming | None = None
    """How these interpreters name modules afterwards; None: as before."""
    reads: tuple[str, ...] = ()
    """Endings that they read too, after ``.abi3.so``: ``.abi3-{gnu}.so``."""
    builds: NewNames | None = None
    verified_on: dict[str, str] = field(default_factory=dict)
    """Target ids to those of targets that are as they would be afterwards."""
