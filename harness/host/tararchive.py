"""Unpack tar files with the data filter: no path outside the folder, device or owner (PEP 706).

Debian 12's Python 3.11.2 lacks the filter; ``backports.tarfile`` provides it.
"""

import fnmatch
import importlib
import tarfile
from pathlib import Path
from typing import IO

if hasattr(tarfile, "data_filter"):
    _tarfile = tarfile
else:
    _tarfile = importlib.import_module("backports.tarfile")


def unpack_tar(archive: Path | IO[bytes], root: Path, *, only: str = "*") -> None:
    """Unpack a tar file, compressed or not, into ``root``; ``only`` is a glob of its members.

    Raises ``tarfile.TarError`` for a member that would leave ``root``.
    """
    path, stream = (archive, None) if isinstance(archive, Path) else (None, archive)
    with _tarfile.open(path, fileobj=stream) as tar:
        members = [item for item in tar if fnmatch.fnmatchcase(item.name, only)]
        tar.extractall(root, members=members, filter="data")
