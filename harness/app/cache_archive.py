"""Carry the cache in one file: to a CI cache, a worker, or a machine without network.

The archive is a tar file. Each entry's bytes are a member ``blobs/<SHA-256>``; the last member,
``manifest.json``, says where each belongs. A directory of the cache is a tar file itself. Imports
check every digest and every path, and write nothing of an incomplete archive. The digests are in
the archive too, so its author decides what the cache holds.
"""

import hashlib
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from pydantic import TypeAdapter, ValidationError

from harness.core.errors import UsageError
from harness.host.cache import Cache, file_sha256, storing
from harness.host.tararchive import _tarfile, unpack_tar
from harness.images.inventory import TREE_KINDS

FILE_KINDS = (
    *("alpine-bases", "builds", "bytecode", "configured", "debs", "facts", "headers", "index"),
    *("installers", "interpreters", "kits", "listings", "locks", "natives", "programs"),
    *("requires", "resolutions", "roots", "sources", "stdlibs", "surveys", "wheels"),
)
"""Kinds of cache files that are carried; what only this machine needs is left out."""
_UNSUMMED = ("resolutions",)
"""Kinds whose files have no digest beside them."""
_MANIFEST = "manifest.json"
_MOST_MANIFEST = 64 << 20
"""Bytes."""
_TAR_ERRORS = (tarfile.TarError, _tarfile.TarError)
"""On Debian 12 the data filter is that of ``backports.tarfile``, which has errors of its own."""
_BLOB = re.compile(r"blobs/([0-9a-f]{64})")
_PART = re.compile(r"[A-Za-z0-9_+~@=!,:()-][A-Za-z0-9_.+~@=!,:()%-]*")
"""One part of a path. It begins with no dot, so that it is not hidden, and not ``..``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedEntry:
    """A file or directory of the cache, and the blob with its bytes."""

    kind: str
    """Its folder below the cache: ``debs``, ``index/<digest>``."""
    name: str
    sha256: str
    tree: bool = False
    """A directory, whose blob is a tar file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedSum:
    """What an archive holds."""

    entries: int
    new: int
    """Entries that were not there before; of an export, all."""
    size: int
    """Bytes of the archive."""
    sha256: str
    """Of the archive."""


_MANIFEST_TYPE: TypeAdapter[list[CarriedEntry]] = TypeAdapter(list[CarriedEntry])


def export_cache(cache: Cache, path: Path) -> CarriedSum:
    """Write all entries of the cache to the archive ``path``.

    Damaged entries are left out. Raises ``UsageError`` if the archive cannot be written.
    """
    draft = path.with_name(f".{path.name}.part")
    entries: list[CarriedEntry] = []
    try:
        with tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as tar:
            done = set[str]()
            for entry, blob in _blobs(cache):
                entries.append(entry)
                if entry.sha256 not in done:
                    done.add(entry.sha256)
                    _add(tar, f"blobs/{entry.sha256}", blob)
            with tempfile.NamedTemporaryFile() as manifest:
                manifest.write(_MANIFEST_TYPE.dump_json(entries))
                manifest.flush()
                _add(tar, _MANIFEST, Path(manifest.name))
        draft.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)
    size = path.stat().st_size
    return CarriedSum(entries=len(entries), new=len(entries), size=size, sha256=file_sha256(path))


def import_cache(cache: Cache, path: Path, sha256: str = "") -> CarriedSum:
    """Add the entries of the archive to the cache; what it has stays.

    ``sha256``: the digest that the archive must have. Raises ``UsageError`` for an archive that is
    damaged, hostile or not one, and ``CacheError`` if the cache cannot be written.
    """
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if sha256 and digest != sha256:
        raise UsageError(f"{path}: its SHA-256 is {digest}, not {sha256}; nothing was imported")
    with storing(cache.root / "import"):
        cache.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=cache.root) as folder:
            entries = _unpack(path, Path(folder))
            trees = _unpacked_trees(path, entries, Path(folder))
            new = sum(_place(cache, entry, Path(folder), trees) for entry in entries)
    return CarriedSum(entries=len(entries), new=new, size=path.stat().st_size, sha256=digest)


# --- export ---------------------------------------------------------------------------


def _blobs(cache: Cache) -> Iterator[tuple[CarriedEntry, Path]]:
    """Yield each entry with a file of its bytes, which exists until the next one."""
    for kind in FILE_KINDS:
        for file in sorted((cache.root / kind).rglob("*")):
            folder = str(file.parent.relative_to(cache.root))
            if not _is_carried(cache, folder, file):
                continue
            entry = CarriedEntry(kind=folder, name=file.name, sha256=file_sha256(file))
            yield entry, file
    for kind in TREE_KINDS:
        for tree in cache.trees(kind):
            with tempfile.NamedTemporaryFile(dir=cache.root, prefix=".making-") as blob:
                with tarfile.open(fileobj=blob, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    tar.add(tree, arcname=".")
                blob.flush()
                digest = file_sha256(Path(blob.name))
                yield (
                    CarriedEntry(kind=kind, name=tree.name, sha256=digest, tree=True),
                    Path(blob.name),
                )


def _is_carried(cache: Cache, kind: str, file: Path) -> bool:
    if file.is_symlink() or not file.is_file() or file.suffix in (".sha256", ".lock"):
        return False
    if not all(_PART.fullmatch(part) for part in (*PurePosixPath(kind).parts, file.name)):
        return False
    return kind in _UNSUMMED or cache.has(kind, file.name)


def _add(tar: tarfile.TarFile, name: str, file: Path) -> None:
    member = tarfile.TarInfo(name)
    member.size = file.stat().st_size
    with file.open("rb") as stream:
        tar.addfile(member, stream)


# --- import ---------------------------------------------------------------------------


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (*_TAR_ERRORS, EOFError, ValueError, KeyError) as error:
        what = str(error).partition("\n")[0]
        raise UsageError(
            f"{path}: not a whole archive of `wheelgrid cache export`: {what}; nothing was "
            "imported. Copy it again, or export it again"
        ) from error


def _unpack(path: Path, folder: Path) -> list[CarriedEntry]:
    """Write the blobs to ``folder`` by their digests, and return the entries."""
    manifest = b""
    with _reading(path), tarfile.open(path, "r:") as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() else None
            if stream is None or manifest:
                raise ValueError(f"{member.name!r} does not belong in such an archive")
            if member.name == _MANIFEST:
                if member.size > _MOST_MANIFEST:
                    raise ValueError("its manifest is too large")
                manifest = stream.read()
            else:
                _write_blob(member.name, stream, folder)
        if not manifest:
            raise ValueError("it has no manifest")
        try:
            entries = _MANIFEST_TYPE.validate_python(json.loads(manifest))
        except ValidationError as error:
            raise ValueError(f"its manifest is damaged: {error.errors()[0]['msg']}") from error
        for entry in entries:
            _check(entry, folder)
        return entries


def _write_blob(name: str, stream: IO[bytes], folder: Path) -> None:
    match = _BLOB.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} does not belong in such an archive")
    blob = folder / match[1]
    with blob.open("xb") as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
    with blob.open("rb") as copy:
        if hashlib.file_digest(copy, "sha256").hexdigest() != match[1]:
            raise ValueError(f"{name} has other bytes: the archive is damaged")


def _check(entry: CarriedEntry, folder: Path) -> None:
    """Raise ``ValueError`` for an entry that would be anywhere but among those of its kind."""
    kinds = TREE_KINDS if entry.tree else FILE_KINDS
    parts = entry.kind.split("/")
    sound = all(_PART.fullmatch(part) for part in (*parts, entry.name))
    if not sound or parts[0] not in kinds or entry.name.endswith((".sha256", ".lock")):
        raise ValueError(f"{f'{entry.kind}/{entry.name}'!r} is no place for an entry")
    if not re.fullmatch(r"[0-9a-f]{64}", entry.sha256) or not (folder / entry.sha256).is_file():
        raise ValueError(f"the bytes of {entry.kind}/{entry.name} are not in it")


def _unpacked_trees(path: Path, entries: list[CarriedEntry], folder: Path) -> dict[str, Path]:
    """Unpack the directories before any entry is placed; return digest → directory."""
    trees = {}
    for digest in {entry.sha256 for entry in entries if entry.tree}:
        trees[digest] = folder / f"{digest}.tree"
        trees[digest].mkdir()
        with _reading(path):
            unpack_tar(folder / digest, trees[digest])
    return trees


def _place(cache: Cache, entry: CarriedEntry, folder: Path, trees: dict[str, Path]) -> bool:
    """Put an entry in its place; return whether it was missing."""
    there = cache.root / entry.kind / entry.name
    if entry.tree:
        is_new = not there.is_dir()

        def copy_tree(made: Path) -> None:
            shutil.copytree(trees[entry.sha256], made, symlinks=True, dirs_exist_ok=True)

        cache.tree(entry.kind, entry.name, copy_tree)
        return is_new
    if entry.kind in _UNSUMMED:
        if there.exists():
            return False
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / entry.sha256, there)
        return True
    if cache.has(entry.kind, entry.name):
        return False

    def copy(made: Path) -> None:
        shutil.copyfile(folder / entry.sha256, made)
        if entry.kind == "programs":
            made.chmod(0o755)

    cache.get(entry.kind, entry.name, copy)
    return True
