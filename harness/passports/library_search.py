"""Find the libraries that the dynamic loader of an image finds, without running the image.

As ``ld.so(8)`` searches on glibc and ``ldso/dynlink.c`` on musl, for a module without RPATH or
RUNPATH.
"""

import io
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.core.arches import Arch
from harness.core.errors import ImageError
from harness.core.passport import SystemLibrary
from harness.passports.rootfs import Rootfs
from harness.passports.symbolsets import set_id
from harness.wheels.archive.elf import ElfFacts, read_elf

PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
MUSL_DEFAULT = ("/lib", "/usr/local/lib", "/usr/lib")
"""musl's search path without ``/etc/ld-musl-<arch>.path`` (ldso/dynlink.c)."""
RECORDED = re.compile(
    r"(ld|ld64|ld-linux.*|ld-musl-.*|libc|libc\.musl-.*|libm|libmvec|libpthread|libdl|librt"
    r"|libutil|libresolv|libanl|libnsl|libgcc_s|libstdc\+\+|libatomic|libz|libexpat|libcrypt)"
    r"\.so(\..*)?"
)
"""Libraries whose symbols are recorded, besides those that the interpreter loads.

The libraries that a repaired wheel may need of its target (PEP 600, auditwheel's lists),
without X11, GL and GLib, which no target here has.
"""
_LIBRARY = re.compile(r".+\.so(\..+)?")
_MOST_FILES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class LoaderLibraries:
    """What the loader of an image finds, for one interpreter."""

    loader: str
    linked: tuple[str, ...]
    exports: str
    libraries: tuple[SystemLibrary, ...]
    symbol_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The symbols of every set id used above."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _FoundLibrary:
    """A file that the loader finds."""

    path: str
    elf: ElfFacts


def find_libraries(root: Rootfs, interpreter: str, arch: Arch) -> LoaderLibraries:
    """Return what the loader of ``interpreter`` (a command or a path) finds.

    Raises ``ImageError`` if the image has no such interpreter, or it is no ELF file.
    """
    path = find_program(root, interpreter)
    program = _elf(root, path) if path else None
    if program is None:
        raise ImageError(
            f"{interpreter}: the image has no such program, or it is no ELF file; "
            "correct the target's 'interpreter' in matrix/targets.yaml"
        )
    folders = (*_rpath_folders(program, path), *search_folders(root, program.interpreter, arch))
    found = _search(root, folders, program)
    wanted = {*_closure(program.needed, found), *filter(RECORDED.fullmatch, found)}
    sets: dict[str, tuple[str, ...]] = {}

    def keep(elf: ElfFacts) -> str:
        name = set_id(elf.exported)
        sets[name] = elf.exported
        return name

    libraries = [
        SystemLibrary(
            name=name,
            path=file.path,
            needed=file.elf.needed,
            symbols=keep(file.elf) if name in wanted else "",
        )
        for name, file in sorted(found.items())
    ]
    return LoaderLibraries(
        loader=program.interpreter,
        linked=program.needed,
        exports=keep(program),
        libraries=tuple(libraries),
        symbol_sets=sets,
    )


def find_program(root: Rootfs, command: str) -> str:
    """Return a command's path with links resolved; empty if it is missing."""
    places = [command] if "/" in command else [f"{folder}/{command}" for folder in PATH]
    return next((real for place in places if (real := root.resolve(place))), "")


def search_folders(root: Rootfs, loader: str, arch: Arch) -> tuple[str, ...]:
    """Return the folders that a loader searches, in order."""
    name = posixpath.basename(loader)
    if name.startswith("ld-musl-"):
        text = root.text(f"/etc/{name.removesuffix('.so.1')}.path")
        return tuple(f for f in re.split(r"[:\n]", text.strip()) if f) or MUSL_DEFAULT
    # The loader reads ld.so.conf only through ldconfig's cache.
    configured = _configured(root, "/etc/ld.so.conf") if root.read("/etc/ld.so.cache") else ()
    system = (f"/lib/{arch.gnu_triplet}", f"/usr/lib/{arch.gnu_triplet}", "/lib64", "/usr/lib64")
    return tuple(dict.fromkeys((*configured, *system, "/lib", "/usr/lib")))


def _configured(root: Rootfs, file: str) -> tuple[str, ...]:
    """Return the folders of ld.so.conf and its included files."""
    folders: list[str] = []
    files = [file]
    for read in files:
        for line in root.text(read).splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["include"] and len(files) < _MOST_FILES:
                files += [path for glob in words[1:] for path in _globbed(root, glob)]
            elif words and words[0].startswith("/"):
                folders.append(posixpath.normpath(words[0]))
    return tuple(folders)


def _globbed(root: Rootfs, glob: str) -> Iterator[str]:
    folder, pattern = posixpath.split(posixpath.join("/etc", glob))
    wanted = re.compile(re.escape(pattern).replace(r"\*", ".*"))
    return (f"{folder}/{name}" for name in root.names(folder) if wanted.fullmatch(name))


def _rpath_folders(program: ElfFacts, path: str) -> tuple[str, ...]:
    """Return the interpreter's search path; modules use the libraries it loads from there."""
    origin = posixpath.dirname(path)
    return tuple(
        posixpath.normpath(folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin))
        for folder in program.runpath or program.rpath
    )


def _search(root: Rootfs, folders: tuple[str, ...], program: ElfFacts) -> dict[str, _FoundLibrary]:
    """Return the first file by each name with the interpreter's ELF class and machine."""
    read: dict[str, ElfFacts | None] = {}
    found: dict[str, _FoundLibrary] = {}
    for name, place in _places(root, folders, program.interpreter):
        path = root.resolve(place)
        if name in found or not path:
            continue
        if path not in read:
            read[path] = _elf(root, path)
        elf = read[path]
        # A file that is no link is only needed by its soname: libz.so.1, not libz.so.1.2.13.
        linked_to = path != place or place == program.interpreter
        if elf and _kind(elf) == _kind(program) and (linked_to or elf.soname in ("", name)):
            found[name] = _FoundLibrary(path=path, elf=elf)
    return found


def _places(root: Rootfs, folders: tuple[str, ...], loader: str) -> Iterator[tuple[str, str]]:
    """Yield names and the paths to try, in order; the loader itself is loaded already."""
    yield posixpath.basename(loader), loader
    for folder in folders:
        # Resolved, so that only the last component can still be a link.
        real = root.resolve(folder)
        for name in root.names(folder):
            if _LIBRARY.fullmatch(name):
                yield name, posixpath.join(real, name)


def _closure(names: tuple[str, ...], found: dict[str, _FoundLibrary]) -> tuple[str, ...]:
    queue = list(names)
    for name in queue:
        if name in found:
            queue += [other for other in found[name].elf.needed if other not in queue]
    return tuple(queue)


def _elf(root: Rootfs, path: str) -> ElfFacts | None:
    data = root.read(path)
    elf = read_elf(io.BytesIO(data)) if data else None
    return elf if isinstance(elf, ElfFacts) else None


def _kind(elf: ElfFacts) -> tuple[str, int, bool]:
    return elf.machine, elf.bits, elf.little
