"""Where versions of packages come from, and why their files are unavailable."""

from collections.abc import Sequence
from enum import StrEnum

from harness.host.download import DownloadError
from harness.images.debian.mirrors import host_of
from harness.images.debian.packages import Package


class VersionsFrom(StrEnum):
    """Where the versions of a set's packages come from."""

    LOCK = "the lock"
    MEMORY = "the index, asked within a day"
    INDEX = "the index of today"
    STALE = "the index, asked longer ago"


def explain(basis: VersionsFrom, failed: Sequence[tuple[Package, DownloadError]]) -> str:
    """Return which packages are unavailable, what names them, and the mirrors' answers."""
    (package, error), *others = failed
    index = f"the mirror's index of {package.day}"
    who = basis.value if basis is VersionsFrom.LOCK else index
    for_arch = "" if package.arch in ("all", "source") else f" for {package.arch}"
    more = f", and {len(others)} more package{'s'[: len(others) - 1]}" if others else ""
    if all(failure.missing for failure in error.failures) and error.failures:
        lacks = "no mirror has it" if basis is VersionsFrom.LOCK else "its pool lacks it"
    else:
        lacks = "it cannot be fetched"
    several = len(error.failures) > 1
    reasons = ", ".join(
        dict.fromkeys(
            f"{f.reason} at {host_of(f.address)}" if several else f.reason for f in error.failures
        )
    )
    return (
        f"{who} names {package.title}{for_arch}, but {lacks} ({reasons or 'no mirror known'}){more}"
    )
