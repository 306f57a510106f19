"""Render the inventory of target images."""

from collections.abc import Sequence

from harness.core.observations import ImageRef
from harness.core.targets import Target
from harness.images.inventory import StoredItem
from harness.report.untrusted import visible

_SHOWN = 3
_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def format_built(target: Target, ref: ImageRef, *, size: int, seconds: float) -> str:
    """Return one line: target, way, seconds, size and origin of the image."""
    return f"{target.key}  {ref.way}  {seconds:.1f} s  {format_mib(size)}  {visible(ref.origin)}"


def format_inventory(items: Sequence[StoredItem], *, now: float) -> str:
    """Return a line per item with size, age, name and users, then the totals."""
    rows = [(format_mib(item.size), _age(item, now), item) for item in items]
    lines = [
        f"{size:>9}  {age:>7}  {visible(item.title)}  {_users(item)}" for size, age, item in rows
    ]
    unused = [item for item in items if not item.targets]
    return "\n".join([*lines, f"{format_sum(items)}, of which no target uses {format_sum(unused)}"])


def format_sum(items: Sequence[StoredItem]) -> str:
    """Return the number of items and their total size."""
    return f"{len(items)} ({format_mib(sum(item.size for item in items))})"


def _users(item: StoredItem) -> str:
    if not item.targets:
        return "unused"
    more = len(item.targets) - _SHOWN
    return " ".join(item.targets[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _age(item: StoredItem, now: float) -> str:
    if not item.made_at:
        return "-"
    age = max(0.0, now - item.made_at)
    return next(
        (f"{age / unit:.0f} {name}" for name, unit in _UNITS if age >= unit), f"{age:.0f} s"
    )


def format_mib(size: int) -> str:
    """Return a number of bytes in MiB."""
    return f"{size / (1 << 20):.0f} MiB"
