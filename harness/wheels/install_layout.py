"""A subject's companions as files that lie beside it: wheels in, one zip for ``Job.beside`` out.

Companions are not under test. What an installer makes of them is where their files go, which
is known without one (PEP 427, "Installing a wheel"): done here, it is done once for all targets
and never under emulation.
"""

import io
import zipfile
from functools import lru_cache
from pathlib import Path

from harness.core.errors import WheelError
from harness.core.subjects import WheelRef
from harness.wheels.archive.data_schemes import site_path
from harness.wheels.archive.zip_reader import open_archive

TOO_LARGE = 64 << 20
"""Bytes of one file: more is left to the target's installer."""


@lru_cache(maxsize=64)
def companion_archive(companions: tuple[WheelRef, ...]) -> bytes:
    """Return a zip of all that the wheels put into a site directory, stored as it is.

    Empty where there are no companions, or where one of them cannot be read: the target's own
    installer then says what is the matter with it.
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
    with path.open("rb") as stream, open_archive(companion.filename, stream) as archive:
        for member in archive.members:
            if place := site_path(member.name):
                content = archive.read(member.name, at_most=TOO_LARGE)
                site.writestr(zipfile.ZipInfo(place), content)
