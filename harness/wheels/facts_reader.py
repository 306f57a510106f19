"""Read the facts of wheel files, each file once."""

from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from harness.core.errors import WheelError
from harness.core.subjects import WheelRef
from harness.host.cache import Cache, content_key
from harness.host.code_key import code_key
from harness.wheels.archive.contents import WheelFacts, read_wheel
from harness.wheels.wheel_file import wheel_file

MOST_WHEELS = 256
MOST_DEPENDENCY = 48 << 20
"""Bytes of a dependency that predictions read: numpy has 16 MiB, torch 800."""
KIND = "facts"
_FACTS: TypeAdapter[WheelFacts] = TypeAdapter(WheelFacts)


class WheelReader:
    """Reads each wheel once per process, or once per cache."""

    def __init__(self, cache: Cache | None = None) -> None:
        self._cache = cache
        self._read = lru_cache(maxsize=MOST_WHEELS)(self._read_once)

    def facts(self, wheel: WheelRef) -> WheelFacts | None:
        """Return the wheel's facts, or None for a file that is no wheel."""
        return self._read(wheel.path, wheel.sha256)

    def read(self, path: Path) -> WheelFacts:
        """Return the facts of the file at ``path``. Raises ``WheelError``."""
        try:
            facts = self.facts(wheel_file(path))
        except OSError:
            facts = None
        return read_wheel(path) if facts is None else facts  # which raises with the reason

    def _read_once(self, path: str, sha256: str) -> WheelFacts | None:
        try:
            if self._cache is None:
                return read_wheel(Path(path))
            return self._kept(self._cache, Path(path), sha256)
        except WheelError:
            return None

    def _kept(self, cache: Cache, path: Path, sha256: str) -> WheelFacts:
        def make(entry: Path) -> None:
            entry.write_bytes(_FACTS.dump_json(read_wheel(path)))

        key = content_key(path.name, sha256, code_key(read_wheel.__module__))
        return _FACTS.validate_json(cache.get(KIND, f"{key}.json", make).read_bytes())


IN_MEMORY = WheelReader()
