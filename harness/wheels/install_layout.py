"""Lay out companion wheels as they are installed, and find the wheel that a file belongs to.

Companions are not under test. Their installed paths follow from PEP 427 ("Installing a wheel"),
so they are unpacked here once for all targets instead of under emulation.
"""

from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import WheelError
from harness.core.subjects import WheelRef
from harness.wheels.archive.data_schemes import site_path
from harness.wheels.facts_reader import ask_reader, read_limited

TOO_LARGE_TOGETHER = 192 << 20
"""Bytes of all files; the target's installer installs more. On a cell's disk they are there twice,
packed and installed."""
SMALL = 8 << 20
"""Bytes of an archive that is kept for the next cell."""
_MOST_KEPT = 16


def companion_archive(companions: tuple[WheelRef, ...]) -> bytes:
    """Return an uncompressed zip of the files that the wheels install to site-packages.

    Empty without companions, if they are too large, or if one cannot be read: the target's
    installer then reports it. Of files with the same path the first counts.
    """
    kept = _kept.get(companions)
    if kept is None:
        kept = _laid_out(companions)
        if len(kept) <= SMALL:
            if len(_kept) >= _MOST_KEPT:
                del _kept[next(iter(_kept))]
            _kept[companions] = kept
    return kept


def owner_of(place: str, wheels: Sequence[WheelRef]) -> WheelRef | None:
    """Return the wheel that installs the file at this path in site-packages."""
    for wheel in wheels:
        try:
            members = read_limited(Path(wheel.path)).members
        except WheelError:
            continue
        if any(site_path(member.name) == place for member in members):
            return wheel
    return None


def _laid_out(companions: tuple[WheelRef, ...]) -> bytes:
    if not companions:
        return b""
    wheels = [(wheel.filename, wheel.path) for wheel in companions]
    request = {"task": "site", "wheels": wheels, "room": TOO_LARGE_TOGETHER}
    try:
        return ask_reader(request, most=2 * TOO_LARGE_TOGETHER)
    except WheelError:
        return b""


_kept: dict[tuple[WheelRef, ...], bytes] = {}
"""The latest small archives."""
