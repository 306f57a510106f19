"""What the engine answers, as values (pure)."""

import contextlib
from datetime import datetime
from typing import Any

from harness.host.engine.api import EngineImage


def engine_image(found: dict[str, Any]) -> EngineImage:
    """Return the image of an answer to `docker image inspect`."""
    parts = (found["Os"], found["Architecture"], found.get("Variant", ""))
    return EngineImage(
        id=found["Id"],
        platform="/".join(part for part in parts if part),
        digests=tuple(found.get("RepoDigests") or ()),
        labels=dict((found.get("Config") or {}).get("Labels") or {}),
        names=tuple(found.get("RepoTags") or ()),
        size=found.get("Size", 0),
        named_at=_seconds((found.get("Metadata") or {}).get("LastTagTime") or ""),
    )


def _seconds(text: str) -> float:
    """Return a timestamp of the engine as seconds since the epoch, 0 for its zero time."""
    with contextlib.suppress(ValueError):
        return max(0.0, datetime.fromisoformat(text).timestamp())
    return 0.0
