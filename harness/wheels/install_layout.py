"""Lay out companion wheels as they are installed, in one zip for ``Job.beside``.

Companions are not under test. Their installed paths follow from PEP 427 ("Installing a wheel"),
so they are unpacked here once for all targets instead of under emulation.
"""

import io
import zipfile
from functools import lru_cache
from pathlib import Path

from harness.core.errors import WheelError
from harness.core.subjects import WheelRef
from harness.wheels.archive.data_schemes import site_path
from harness.wheels.archive.zip_reader import open_sound_archive

TOO_LARGE = 64 << 20
"""Bytes of one file; the target's installer installs a companion with a larger one."""


@lru_cache(maxsize=64)
def companion_archive(companions: tuple[WheelRef, ...]) -> bytes:
    """Return an uncompressed zip of the files that the wheels install to site-packages.

    Empty without companions, or if one cannot be read: the target's installer then reports it.
    """
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(out, "w") as site:
            for companion in companions:
                _copy(companion, site)
    except WheelError:
        return b""
    return out.getvalue() if companions else b""


def _copy(companion: WheelRef, site: zipfile.ZipFile) -> None:
    path = Path(companion.path)
    with path.open("rb") as stream, open_sound_archive(companion.filename, stream) as archive:
        for member in archive.members:
            if place := site_path(member.name):
                content = archive.read(member.name, at_most=TOO_LARGE)
                site.writestr(zipfile.ZipInfo(place), content)
