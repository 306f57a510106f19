"""Lay out companion wheels as they are installed, and find the wheel that a file belongs to.

Companions are not under test. Their installed paths follow from PEP 427 ("Installing a wheel"),
so they are unpacked here once for all targets instead of under emulation.
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.core.errors import WheelError
from harness.core.subjects import WheelRef
from harness.wheels.archive.data_schemes import site_path
from harness.wheels.archive.zip_reader import Archive, open_sound_archive

TOO_LARGE = 64 << 20
"""Bytes of one file; the target's installer installs a companion with a larger one."""
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
        with suppress(WheelError, OSError), _opened(wheel) as archive:
            if any(site_path(member.name) == place for member in archive.members):
                return wheel
    return None


def _laid_out(companions: tuple[WheelRef, ...]) -> bytes:
    out = io.BytesIO()
    places: set[str] = set()
    try:
        with zipfile.ZipFile(out, "w") as site:
            for companion in companions:
                _copy(companion, site, places, TOO_LARGE_TOGETHER - out.tell())
    except WheelError:
        return b""
    return out.getvalue() if companions else b""


_kept: dict[tuple[WheelRef, ...], bytes] = {}
"""The latest small archives."""


def _copy(companion: WheelRef, site: zipfile.ZipFile, places: set[str], room: int) -> None:
    with _opened(companion) as archive:
        if sum(member.size for member in archive.members) > room:
            raise WheelError(f"{companion.filename}: too large to be laid out")
        for member in archive.members:
            place = site_path(member.name)
            if place and place not in places:
                places.add(place)
                content = archive.read(member.name, at_most=TOO_LARGE)
                site.writestr(zipfile.ZipInfo(place), content)


@contextmanager
def _opened(wheel: WheelRef) -> Iterator[Archive]:
    with Path(wheel.path).open("rb") as stream, open_sound_archive(wheel.filename, stream) as found:
        yield found
