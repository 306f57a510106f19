"""Keep an application's lock in the cache, where the workers of a run read it."""

from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from harness.core.errors import UsageError
from harness.host.cache import Cache, content_key
from harness.wheels.locks.application import LockedApplication

KIND = "locks"
_APPLICATION: TypeAdapter[LockedApplication] = TypeAdapter(LockedApplication)


def store_lock(application: LockedApplication, cache: Cache) -> str:
    """Return the path of the kept lock; its name is a digest of what is locked.

    Raises ``CacheError``.
    """
    data = _APPLICATION.dump_json(application)

    def make(path: Path) -> None:
        path.write_bytes(data)

    return str(cache.get(KIND, f"{content_key(data.decode())}.json", make))


@lru_cache(maxsize=16)
def load_lock(path: str) -> LockedApplication:
    """Return a kept lock. Raises ``UsageError`` if it is gone from the cache."""
    try:
        return _APPLICATION.validate_json(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: this kept lock is gone; run the command again") from error
