"""Refer to a wheel file on this machine."""

from pathlib import Path

from harness.core.subjects import WheelRef
from harness.host.cache import file_sha256


def wheel_file(path: Path) -> WheelRef:
    """Return a reference to the wheel file at ``path``."""
    return WheelRef(
        filename=path.name, sha256=file_sha256(path), size=path.stat().st_size, path=str(path)
    )
