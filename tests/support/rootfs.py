"""Root file systems as tar files."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def write_rootfs(path: Path, entries: Mapping[str, bytes | str]) -> Path:
    """Write files (bytes) and links (where they lead) by path; return ``path``.

    A link that begins with ``=`` is a hard one.
    """
    with tarfile.open(path, "w") as tar:
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            else:
                member.type = tarfile.LNKTYPE if content.startswith("=") else tarfile.SYMTYPE
                member.linkname = content.removeprefix("=")
                tar.addfile(member)
    return path
