"""Stored resolutions of package sets, so that an index is queried once a day."""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.core.errors import UsageError
from harness.host.cache import storing
from harness.images.debian.packages import Package, PackageSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """The packages that an index named for a set."""

    packages: tuple[Package, ...]
    at: float
    """Seconds since the epoch."""

    def is_valid(self, now: float) -> bool:
        """Whether the resolution is still valid at ``now``."""
        return 0 <= now - self.at < longest_age()


def longest_age() -> float:
    """Return the seconds that a resolution is valid: ``$WHEELGRID_RESOLUTION_HOURS``, else a day.

    0 queries the index every time. Raises ``UsageError`` for an invalid number.
    """
    text = os.environ.get("WHEELGRID_RESOLUTION_HOURS", "24")
    try:
        return float(text) * 3600
    except ValueError:
        raise UsageError(
            f"WHEELGRID_RESOLUTION_HOURS={text!r} is not a number of hours; unset it or use 24"
        ) from None


_RESOLUTION: TypeAdapter[Resolution] = TypeAdapter(Resolution)


class Resolutions:
    """Resolutions stored in a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def recall(self, wanted: PackageSet) -> Resolution | None:
        """Return the stored resolution; None if it is missing or damaged."""
        with contextlib.suppress(FileNotFoundError, ValidationError):
            return _RESOLUTION.validate_json(self._file(wanted).read_bytes())
        return None

    def keep(self, wanted: PackageSet, packages: tuple[Package, ...]) -> Resolution:
        """Store ``packages`` with the current time. Raises ``CacheError``."""
        resolution = Resolution(packages=packages, at=time.time())
        file = self._file(wanted)
        with storing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            written = file.with_suffix(f".{os.getpid()}")
            written.write_bytes(_RESOLUTION.dump_json(resolution))
            written.replace(file)
        return resolution

    def _file(self, wanted: PackageSet) -> Path:
        return self._root / f"{wanted.suite}-{wanted.arches[0]}-{wanted.id}.json"
