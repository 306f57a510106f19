"""Canaries: wheels whose outcome is known, and what a column made of them.

A column of the grid is a target on one architecture. It is believed only if every canary that
applies to it was seen as it must be.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class MissedCanary:
    """A canary that was not seen as it must be."""

    canary: str
    expected: str
    """Outcome and cause, as ``seen``: ``import-failed suffix-mismatch``."""
    seen: str
    evidence: str = ""
    """The key line of what was seen. Untrusted text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CanaryCheck:
    """The canaries of one column."""

    target: str
    """``<target>/<arch>``."""
    tried: tuple[str, ...]
    """Ids of the canaries that apply there."""
    missed: tuple[MissedCanary, ...] = ()
    seconds: float = 0.0
    """Wall-clock seconds of all of them; 0 if another target with the same image was checked."""


def latest_checks(checks: Iterable[CanaryCheck]) -> tuple[CanaryCheck, ...]:
    """Return the last check of each column; one that missed a canary outweighs the others."""
    found: dict[str, CanaryCheck] = {}
    for check in checks:
        known = found.get(check.target)
        if known is None or not known.missed:
            found[check.target] = check
    return tuple(found.values())
