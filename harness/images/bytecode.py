"""Compiled Python for root file systems that cannot run here: two tars in, a layer out.

Without ``.pyc`` files an emulated interpreter compiles pip anew at every start (measured:
7-48 s against 1.5-7 s). They are the same on every architecture, so those of a native
root are put beside every source file of a foreign one that has the same bytes, where
Debian's py3compile would have put them (PEP 3147). They are unchecked hash-based (PEP 552):
no source is read again to validate them, and no time stamp is in them.
"""

import hashlib
import io
import re
import tarfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_COMPILED = re.compile(r"(?P<folder>.*/)__pycache__/(?P<module>[^/]+)\.[^./]+\.pyc")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledFile:
    """One ``.pyc`` file: its path in the tar and its bytes."""

    path: str
    data: bytes


class Bytecode:
    """Compiled files by the path and the bytes of their source; may be empty."""

    def __init__(
        self, files: dict[tuple[str, str], tuple[CompiledFile, ...]] | None = None
    ) -> None:
        self._files = files or {}

    def __len__(self) -> int:
        return sum(map(len, self._files.values()))

    def of(self, path: str, source: bytes) -> tuple[CompiledFile, ...]:
        """Return the compiled files of the source file ``path`` if it has these very bytes."""
        return self._files.get((path, _digest(source)), ())


def read_bytecode(root: Path) -> Bytecode:
    """Return every compiled file in the tar of a root file system whose source is there too."""
    digests: dict[str, str] = {}
    compiled: defaultdict[str, list[CompiledFile]] = defaultdict(list)
    with tarfile.open(root) as tar:
        for member in filter(tarfile.TarInfo.isfile, tar):
            if _is_source(member):
                digests[member.name] = _digest(_read(tar, member))
            elif match := _COMPILED.fullmatch(member.name):
                source = f"{match['folder']}{match['module']}.py"
                compiled[source].append(CompiledFile(path=member.name, data=_read(tar, member)))
    return Bytecode(
        {(path, digests[path]): tuple(files) for path, files in compiled.items() if path in digests}
    )


def write_layer(root: Path, bytecode: Bytecode, layer: Path) -> None:
    """Write a root file system's tar again as ``layer``, with compiled files beside its sources.

    Device nodes are left out: the engine makes its own, and without them the tar is the
    same whether or not a root user made it.
    """
    folders: set[str] = set()
    with tarfile.open(root) as tar, tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as out:
        for member in tar:
            if member.isdev():
                continue
            if not _is_source(member):
                out.addfile(member, tar.extractfile(member) if member.isfile() else None)
                continue
            source = _read(tar, member)
            out.addfile(member, io.BytesIO(source))
            for file in bytecode.of(member.name, source):
                _add_compiled(out, file, member, folders)


def _add_compiled(
    out: tarfile.TarFile, file: CompiledFile, source: tarfile.TarInfo, folders: set[str]
) -> None:
    """Add a compiled file, dated like its source, and once the directory it lies in."""
    folder = file.path.rpartition("/")[0]
    if folder not in folders:
        folders.add(folder)
        out.addfile(_like(source, folder, kind=tarfile.DIRTYPE, mode=0o755))
    info = _like(source, file.path, kind=tarfile.REGTYPE, mode=0o644)
    info.size = len(file.data)
    out.addfile(info, io.BytesIO(file.data))


def _like(source: tarfile.TarInfo, name: str, *, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, source.mtime
    return info


def _is_source(member: tarfile.TarInfo) -> bool:
    return member.isfile() and member.name.endswith(".py")


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    return stream.read() if stream else b""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
