"""Source packages of the distribution: a name and suites in, the unpacked upstream tree out.

Only the upstream archive is fetched, by the digest that the lock or the signed index gives it.
An unpacked tree is held against its archive once a process, before anything is compiled of it.
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
"""What the cache calls unpacked sources."""
_VERSION = re.compile(r".*_(?P<version>[^_]+)\.orig\.tar\.\w+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """An upstream source, as an archive with the right digest."""

    package: Package
    archive: Path

    @property
    def version(self) -> str:
        """Upstream's: ``3.9.2``."""
        found = _VERSION.fullmatch(self.package.filename)
        return found["version"] if found else self.package.version

    @property
    def digest(self) -> str:
        """SHA-256 of the archive."""
        return self.package.sha256

    def tree(self, cache: Cache) -> Path:
        """Return its top directory, unpacked once, read-only for everybody.

        Raises ``CacheError`` where it cannot be kept as it was unpacked.
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
            raise CacheError(f"{root} is not as {source.archive} has it; is the disk in order?")
    return next(path for path in root.iterdir() if path.is_dir())


def is_as_unpacked(archive: Path, root: Path) -> bool:
    """Whether a directory has the files of a tar archive, with its bytes, and no others."""
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
    """Whether a directory has these files and symbolic links below it, and no others."""
    there = {path.relative_to(root).as_posix(): path for path in _files(root)}
    return there.keys() == files.keys() | links.keys() and all(
        str(path.readlink()) == links.get(name)
        if path.is_symlink()
        else path.read_bytes() == files.get(name)
        for name, path in there.items()
    )


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_symlink() or path.is_file())
