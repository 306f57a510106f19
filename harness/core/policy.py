"""Policies: changes in how interpreters or builders name modules."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.core.targets import Naming


class NewNames(StrEnum):
    """How builders name modules under a policy."""

    STABLE_TRIPLET = "stable-triplet"
    """``.abi3-<triplet>.so`` instead of ``.abi3.so``, as CPython 3.15 does."""
    MUSL = "musl"
    """musl's triplet in wheels for musl, as CPython 3.11 does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A naming change that a distribution or CPython made, or that was proposed to it."""

    id: str
    title: str
    link: str
    targets: tuple[str, ...]
    """Globs over the ids of the targets whose interpreter changes."""
    arches: tuple[str, ...] = ()
    naming: Naming | None = None
    """The naming of these interpreters under the policy; None: unchanged."""
    reads: tuple[str, ...] = ()
    """Suffixes that they import too, after ``.abi3.so``: ``.abi3-{gnu}.so``."""
    builds: NewNames | None = None
    verified_on: dict[str, str] = field(default_factory=dict)
    """Target id → id of a target that already follows the policy."""
