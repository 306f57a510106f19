"""Fetch and unpack the upstream archives of the distribution's source packages.

The digest is that of the lock or of the signed index. An unpacked tree is compared with its archive
once per process before it is used.
"""

import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

from harness.host.cache import Cache, CacheError
from harness.host.tararchive import unpack_tar
from harness.images.debian import Package, SourceChoice, Workspace

KIND = "source-trees"
"""Cache kind of unpacked sources."""
_VERSION = re.compile(r".*_(?P<version>[^_]+)\.orig\.tar\.\w+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """An upstream source archive with a checked digest."""

    package: Package
    archive: Path

    @property
    def version(self) -> str:
        """The upstream version: ``3.9.2``."""
        found = _VERSION.fullmatch(self.package.filename)
        return found["version"] if found else self.package.version

    @property
    def digest(self) -> str:
        """SHA-256 of the archive."""
        return self.package.sha256

    def tree(self, cache: Cache) -> Path:
        """Return its unpacked top directory, which is read-only.

        Raises ``CacheError`` if the unpacked files differ from the archive.
        """
        return _whole_tree(self, cache)


def find_source(choice: SourceChoice, workspace: Workspace) -> Source:
    """Return the first source of the choice that can be fetched. Raises ``UpstreamError``."""
    package, archive = workspace.upstream.source(choice)
    return Source(package=package, archive=archive)


@once
def _whole_tree(source: Source, cache: Cache) -> Path:
    name = source.digest[:32]

    def unpack(root: Path) -> None:
        unpack_tar(source.archive, root)

    root = cache.tree(KIND, name, unpack)
    if not is_as_unpacked(source.archive, root):
        cache.discard(KIND, name)
        root = cache.tree(KIND, name, unpack)
        if not is_as_unpacked(source.archive, root):
            raise CacheError(
                f"{root} differs from {source.archive} after unpacking; check the disk"
            )
    return next(path for path in root.iterdir() if path.is_dir())


def is_as_unpacked(archive: Path, root: Path) -> bool:
    """Whether a directory has exactly the files of a tar archive, with the same bytes."""
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if member.issym():
                links[name] = member.linkname
            elif member.isfile() and (stream := tar.extractfile(member)):
                files[name] = stream.read()
    return holds(root, files, links)


def holds(root: Path, files: Mapping[str, bytes], links: Mapping[str, str]) -> bool:
    """Whether a directory has exactly these files and symbolic links below it."""
    there = {path.relative_to(root).as_posix(): path for path in _files(root)}
    return there.keys() == files.keys() | links.keys() and all(
        str(path.readlink()) == links.get(name)
        if path.is_symlink()
        else path.read_bytes() == files.get(name)
        for name, path in there.items()
    )


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_symlink() or path.is_file())
