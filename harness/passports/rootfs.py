"""Read files of an image from its tar file, with links resolved inside the image.

Nothing is unpacked to disk.
"""

import posixpath
import tarfile
from pathlib import Path
from types import TracebackType
from typing import Self

MOST_LINKS = 40
"""Linux's limit before ELOOP (path_resolution(7))."""
LARGEST_FILE = 256 << 20
"""Bytes; libraries and interpreters are far smaller."""


class Rootfs:
    """One exported root file system; a context manager that closes the tar file."""

    def __init__(self, archive: Path) -> None:
        self._tar = tarfile.open(archive)  # noqa: SIM115 - closed with this object
        self._members: dict[str, tarfile.TarInfo] = {}
        self._folders: dict[str, set[str]] = {}
        for member in self._tar:
            path = posixpath.normpath(f"/{member.name}")
            self._members[path] = member
            while path != "/":
                path, name = posixpath.split(path)
                self._folders.setdefault(path, set()).add(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._tar.close()

    def resolve(self, path: str) -> str:
        """Return ``path`` with all links resolved; empty if it does not exist."""
        left = [part for part in reversed(path.split("/")) if part]
        at, links = "/", 0
        while left:
            at = posixpath.normpath(posixpath.join(at, left.pop()))
            member = self._members.get(at)
            if member is None and at not in self._folders:
                return ""
            if member is not None and member.issym():
                links += 1
                if links > MOST_LINKS:
                    return ""
                left += [part for part in reversed(member.linkname.split("/")) if part]
                at = "/" if member.linkname.startswith("/") else posixpath.dirname(at)
        return at

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder, sorted; none if it is missing."""
        return tuple(sorted(self._folders.get(self.resolve(folder), ())))

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; None if it is missing, no file, or above ``LARGEST_FILE``."""
        member = self._members.get(self.resolve(path))
        if member is None or not (member.isfile() or member.islnk()) or member.size > LARGEST_FILE:
            return None
        try:
            stream = self._tar.extractfile(member)
        except KeyError:  # a hard link to a file outside the archive
            return None
        return stream.read() if stream else None

    def text(self, path: str) -> str:
        """Return a file as text, empty if it is missing."""
        return (self.read(path) or b"").decode("utf-8", "replace")
