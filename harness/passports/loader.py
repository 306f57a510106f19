"""What the dynamic loader of an image finds by itself: a root file system in, libraries out.

As ``ld.so(8)`` searches on glibc and ``ldso/dynlink.c`` on musl, for a module that brings no
search path of its own. Files are read on the host; nothing of the image is run.
"""

import io
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.passports.root import Root
from harness.wheel.elf import ElfFacts, read_elf

PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
MUSL_DEFAULT = ("/lib", "/usr/local/lib", "/usr/lib")
"""Where musl searches without an ``/etc/ld-musl-<arch>.path`` (ldso/dynlink.c)."""
_LIBRARY = re.compile(r".+\.so(\..+)?")
_MOST_FILES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """A library as the loader finds it."""

    name: str
    """What an ELF file asks for: ``libc.so.6``."""
    path: str
    """Where it is in the image, links followed."""
    elf: ElfFacts


def find_program(root: Root, command: str) -> ElfFacts | None:
    """Return the ELF file that a command starts; None for a script, or where there is none."""
    places = [command] if "/" in command else [f"{folder}/{command}" for folder in PATH]
    path = next((place for place in places if root.resolve(place)), "")
    return _elf(root, path) if path else None


def find_libraries(root: Root, program: ElfFacts, multiarch: str) -> tuple[Library, ...]:
    """Return the first library of the program's own kind by each name, sorted by name."""
    read: dict[str, ElfFacts | None] = {}
    found: dict[str, Library] = {}
    for name, place in _places(root, program.interpreter, multiarch):
        path = root.resolve(place)
        if name in found or not path:
            continue
        if path not in read:
            read[path] = _elf(root, path)
        elf = read[path]
        # One of another word size or machine is passed over; a file that is no link is asked for
        # by its own name only: libz.so.1, and not libz.so.1.2.13.
        mine = elf and _kind(elf) == _kind(program)
        if elf and mine and (elf.soname in ("", name) or posixpath.basename(path) != name):
            found[name] = Library(name=name, path=path, elf=elf)
    return tuple(library for _, library in sorted(found.items()))


def search_folders(root: Root, loader: str, multiarch: str) -> tuple[str, ...]:
    """Return the folders that a loader searches, in order."""
    name = posixpath.basename(loader)
    if name.startswith("ld-musl-"):
        words = re.split(r"[:\n]", _text(root, f"/etc/{name.removesuffix('.so.1')}.path"))
        return tuple(filter(None, words)) or MUSL_DEFAULT
    # What ld.so.conf names is found through the cache alone that ldconfig makes of it.
    configured = _configured(root) if root.read("/etc/ld.so.cache") else ()
    system = (f"/lib/{multiarch}", f"/usr/lib/{multiarch}", "/lib64", "/usr/lib64")
    return tuple(dict.fromkeys((*configured, *system, "/lib", "/usr/lib")))


def _places(root: Root, loader: str, multiarch: str) -> Iterator[tuple[str, str]]:
    """Yield names and where each is looked for; the loader itself is loaded already."""
    yield posixpath.basename(loader), loader
    for folder in search_folders(root, loader, multiarch):
        for name in root.names(folder):
            if _LIBRARY.fullmatch(name):
                yield name, f"{folder}/{name}"


def _configured(root: Root) -> tuple[str, ...]:
    """Return the folders of ``/etc/ld.so.conf`` and of the files that it includes."""
    folders: list[str] = []
    files = ["/etc/ld.so.conf"]
    for file in files:
        for line in _text(root, file).splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["include"] and len(files) < _MOST_FILES:
                files += [path for pattern in words[1:] for path in _included(root, pattern)]
            elif words and words[0].startswith("/"):
                folders.append(posixpath.normpath(words[0]))
    return tuple(folders)


def _included(root: Root, pattern: str) -> Iterator[str]:
    folder, glob = posixpath.split(posixpath.join("/etc", pattern))
    wanted = re.compile(re.escape(glob).replace(r"\*", ".*"))
    return (f"{folder}/{name}" for name in root.names(folder) if wanted.fullmatch(name))


def _text(root: Root, path: str) -> str:
    return (root.read(path) or b"").decode("utf-8", "replace").strip()


def _elf(root: Root, path: str) -> ElfFacts | None:
    data = root.read(path)
    elf = read_elf(io.BytesIO(data)) if data else None
    return elf if isinstance(elf, ElfFacts) else None


def _kind(elf: ElfFacts) -> tuple[str, int, bool]:
    return elf.machine, elf.bits, elf.little
