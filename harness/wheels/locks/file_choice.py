"""Choose the file of a pinned release that a target's installer would install (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.wheels.archive.metadata import accepts_python
from harness.wheels.index.choose import choose_wheel, nearest_refusal
from harness.wheels.index.lock import ListedSdist, LockedWheel
from harness.wheels.locks.application import LockedDependency, SourceUse


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFiles:
    """The files of a release on the package index."""

    wheels: tuple[LockedWheel, ...]
    """Those for Linux."""
    sdists: tuple[ListedSdist, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenFile:
    """A wheel, or the reason why there is none."""

    wheel: LockedWheel | None = None
    reason: str = ""
    sdist: bool = False
    """Without a wheel: whether the installer compiles the sdist."""


def choose_file(
    dependency: LockedDependency, files: ReleaseFiles, tags: Sequence[str], python: str
) -> ChosenFile:
    """Return what an installer takes of a release, among the files that the lock file allows.

    ``tags`` are those that it accepts, best first; ``python`` is its interpreter's full version.
    """
    wheels = tuple(each for each in files.wheels if dependency.allows(each.sha256))
    if dependency.use is not SourceUse.NO_WHEEL and (wheel := choose_wheel(wheels, tags, python)):
        return ChosenFile(wheel=wheel)
    usable = any(
        dependency.allows(each.sha256) and accepts_python(each.requires_python, python)
        for each in files.sdists
    )
    return ChosenFile(
        reason=_reason(dependency, files, wheels, tags, python),
        sdist=usable and dependency.use is not SourceUse.NO_SDIST,
    )


def _reason(
    dependency: LockedDependency,
    files: ReleaseFiles,
    allowed: Sequence[LockedWheel],
    tags: Sequence[str],
    python: str,
) -> str:
    if dependency.use is SourceUse.NO_WHEEL and files.wheels:
        return "the lock file takes no wheel of it (--no-binary)"
    if unlisted := choose_wheel(files.wheels, tags, python):
        return (
            f"the lock file does not name {unlisted.filename}, which fits; "
            "write it for this target too"
        )
    if not allowed:
        return f"{dependency.title} has no wheel for Linux"
    return nearest_refusal(allowed, tags, python)
