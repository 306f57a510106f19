"""Copy compiled Python files from a native root file system to the layer of a foreign one.

Without ``.pyc`` files an emulated interpreter compiles pip at every start (measured: 7-48 s
instead of 1.5-7 s). ``.pyc`` files are the same on every architecture, so those of the native
root are copied to each identical source file, at the path that Debian's py3compile uses
(PEP 3147). They are unchecked hash-based (PEP 552): they hold no time stamp, and the interpreter
does not read the source to validate them.
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
    """A ``.pyc`` file: its path in the tar and its bytes."""

    path: str
    data: bytes


class Bytecode:
    """Compiled files by path and digest of their source; may be empty."""

    def __init__(
        self, files: dict[tuple[str, str], tuple[CompiledFile, ...]] | None = None
    ) -> None:
        self._files = files or {}

    def __len__(self) -> int:
        return sum(map(len, self._files.values()))

    def of(self, path: str, source: bytes) -> tuple[CompiledFile, ...]:
        """Return the compiled files of the source file ``path`` with these bytes."""
        return self._files.get((path, _digest(source)), ())


def read_bytecode(root: Path) -> Bytecode:
    """Return the compiled files in the tar of a root file system that have their source in it."""
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
    """Copy a root file system's tar to ``layer`` and add the compiled files of its sources.

    Device nodes are left out: the engine makes its own, and a tar made by an ordinary user has
    none.
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
    """Add a compiled file with the date of its source, and its directory if it is missing."""
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
