"""What a recipe last came to, one small file each, so that the archive is asked once a day."""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.images.debian import Package, Recipe

DEFAULT_HOURS = 24.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """The packages that a recipe came to."""

    packages: tuple[Package, ...]
    at: float
    """Seconds since the epoch."""

    def is_fresh(self, now: float) -> bool:
        """Whether it need not be asked again: ``$WHEELGRID_RESOLUTION_HOURS``, a day by default."""
        hours = float(os.environ.get("WHEELGRID_RESOLUTION_HOURS", DEFAULT_HOURS))
        return 0 <= now - self.at < hours * 3600


_RESOLUTION: TypeAdapter[Resolution] = TypeAdapter(Resolution)


class Resolutions:
    """Remembered resolutions below one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def recall(self, recipe: Recipe) -> Resolution | None:
        """Return what was remembered; None for nothing, and for a file that is damaged."""
        with contextlib.suppress(FileNotFoundError, ValidationError):
            return _RESOLUTION.validate_json(self._file(recipe).read_bytes())
        return None

    def keep(self, recipe: Recipe, packages: tuple[Package, ...]) -> Resolution:
        """Remember ``packages`` as of now."""
        resolution = Resolution(packages=packages, at=time.time())
        file = self._file(recipe)
        file.parent.mkdir(parents=True, exist_ok=True)
        written = file.with_suffix(f".{os.getpid()}")
        written.write_bytes(_RESOLUTION.dump_json(resolution))
        written.replace(file)
        return resolution

    def _file(self, recipe: Recipe) -> Path:
        return self._root / f"{recipe.suite}-{recipe.arch.name}-{recipe.key}.json"
