"""Lay out wheels as they are installed (pure apart from reading the files)."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import WheelError
from harness.wheels.archive.data_schemes import site_path
from harness.wheels.archive.zip_reader import open_sound_archive

TOO_LARGE = 64 << 20
"""Bytes of one file; the target's installer installs a companion with a larger one."""


def site_archive(wheels: Sequence[tuple[str, str]], room: int) -> bytes:
    """Return an uncompressed zip of the files that the wheels install to site-packages.

    ``wheels`` are their file names and paths. Of files with the same path the first counts. Raises
    ``WheelError`` if one has findings, or if all have more than ``room`` bytes.
    """
    out = io.BytesIO()
    places: set[str] = set()
    with zipfile.ZipFile(out, "w") as site:
        for filename, path in wheels:
            _copy(filename, Path(path), site, places, room - out.tell())
    return out.getvalue()


def _copy(filename: str, path: Path, site: zipfile.ZipFile, places: set[str], room: int) -> None:
    with path.open("rb") as stream, open_sound_archive(filename, stream) as archive:
        if sum(member.size for member in archive.members) > room:
            raise WheelError(f"{filename}: too large to be laid out")
        for member in archive.members:
            place = site_path(member.name)
            if place and place not in places:
                places.add(place)
                content = archive.read(member.name, at_most=TOO_LARGE)
                site.writestr(zipfile.ZipInfo(place), content)
