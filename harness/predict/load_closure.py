"""Compute what a loader loads with a wheel's extension modules.

As ``ld.so(8)`` and musl's ``ldso/dynlink.c`` search: the paths in the file, then the system's.
Files of the wheel are found by ``$ORIGIN``; the target must have the others.
"""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from harness.predict.installed_layout import InstalledLayout
from harness.wheels.archive.contents import NativeMember
from harness.wheels.archive.data_schemes import site_path
from harness.wheels.archive.elf import ElfFacts, versioned


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LoadGroup:
    """ELF files of a wheel that need the same libraries of the target."""

    members: tuple[NativeMember, ...]
    """Extension modules, and the bundled libraries that they load."""
    kinds: frozenset[tuple[str, int, bool]]
    """Machine, word size and byte order of each."""
    readable: bool
    exec_stack: str
    """The first member that requests an executable stack; empty if none does."""
    packed: str
    """The first member with packed relocations; empty if none has."""
    static_tls: str
    """The first member with initial-exec relocations to its own variables; empty if none has."""
    preloaded: str
    """A library that the wheel has outside of every search path, while its Python code opens
    libraries; empty if there is none."""
    load_align: int
    """The smallest alignment of a loaded segment; 0 if unknown."""
    isa_level: int
    """The highest x86-64 level that a member's properties need; 0 if they say nothing."""
    system: Mapping[str, str]
    """Library that the wheel lacks → the member that needs it."""
    versions: Mapping[str, frozenset[str]]
    """Such a library → the symbol versions needed of it."""
    wants: Mapping[str, str]
    """Symbol that the wheel lacks (``malloc@GLIBC_2.17``) → the member that needs it."""
    wanted: frozenset[str]
    """The same symbols, as a set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _ModuleLoad:
    """One extension module with its closure."""

    members: tuple[NativeMember, ...]
    system: Mapping[str, str]
    wants: Mapping[str, str]
    preloaded: str


@lru_cache(maxsize=1 << 14)
def load_groups(
    layout: InstalledLayout, modules: tuple[str, ...], *, musl: bool
) -> tuple[LoadGroup, ...]:
    """Group these extension modules by the libraries that they need, in their order."""
    groups: dict[frozenset[str], list[_ModuleLoad]] = {}
    for module in modules:
        loaded = _load(layout, layout.natives[module], musl=musl)
        groups.setdefault(frozenset(loaded.system), []).append(loaded)
    return tuple(_joined(loads) for loads in groups.values())


def _load(layout: InstalledLayout, module: NativeMember, *, musl: bool) -> _ModuleLoad:
    members, system, preloaded = _closure(layout, module, musl=musl)
    readable = elves(members)
    own = {symbol.partition("@")[0] for _, elf in readable for symbol in elf.exported}
    wants: dict[str, str] = {}
    for name, elf in readable:
        for symbol in elf.undefined:
            if not symbol.weak and symbol.name not in own:
                # musl looks symbols up by name alone.
                version = "" if musl else symbol.version
                wants.setdefault(versioned(symbol.name, version), name)
    return _ModuleLoad(members=members, system=system, wants=wants, preloaded=preloaded)


def _closure(
    layout: InstalledLayout, module: NativeMember, *, musl: bool
) -> tuple[tuple[NativeMember, ...], dict[str, str], str]:
    """Return the wheel's files that are loaded, breadth first, and the libraries it lacks.

    Last comes a library that only the package itself can have opened.
    """
    preloaded = ""
    found = {module.name: module}
    names: set[str] = set()
    system: dict[str, str] = {}
    queue: list[tuple[NativeMember, tuple[str, ...]]] = [(module, ())]
    for native, inherited in queue:
        if not isinstance(native.elf, ElfFacts):
            continue
        names.add(native.elf.soname)
        own, passed_on = _search(native, native.elf, inherited, musl=musl)
        for name in native.elf.needed:
            library = _bundled(layout, name, own)
            if library is None and (library := _preloaded(layout, name, musl=musl)):
                preloaded = preloaded or name
            if library is None and name not in names:
                system.setdefault(name, native.name)
            elif library is not None and library.name not in found:
                found[library.name] = library
                names.add(name)
                queue.append((library, passed_on))
    lacking = {name: by for name, by in system.items() if name not in names}
    return tuple(found.values()), lacking, preloaded


def _search(
    native: NativeMember, elf: ElfFacts, inherited: tuple[str, ...], *, musl: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a file's search path, and the path that its libraries inherit."""
    rpath = tuple(_folders(native, elf.rpath))
    runpath = tuple(_folders(native, elf.runpath))
    if musl:
        # musl keeps whichever of both it reads last, and libraries inherit it.
        own = (*(runpath or rpath), *inherited)
        return own, own
    if runpath:
        return runpath, inherited
    return (*rpath, *inherited), (*rpath, *inherited)


def _folders(native: NativeMember, paths: tuple[str, ...]) -> Iterator[str]:
    origin = posixpath.dirname(site_path(native.name))
    for path in paths:
        if path.startswith(("$ORIGIN", "${ORIGIN}")):
            yield posixpath.normpath(f"{origin or '.'}/{path.partition('ORIGIN')[2].lstrip('}')}")


def _bundled(layout: InstalledLayout, name: str, folders: tuple[str, ...]) -> NativeMember | None:
    places = (posixpath.normpath(f"{folder}/{name}") for folder in folders)
    return next((layout.places[place] for place in places if place in layout.places), None)


def _preloaded(layout: InstalledLayout, name: str, *, musl: bool) -> NativeMember | None:
    """Return the wheel's library of that soname if the package may open it before its modules.

    glibc then finds it by its soname (elf/dl-load.c, ``_dl_map_object``). musl compares names
    only with libraries that it has searched for itself (ldso/dynlink.c, ``shortname``).
    """
    if musl or not layout.wheel.sources.opens_libraries:
        return None
    for native in layout.wheel.native:
        if isinstance(native.elf, ElfFacts) and native.elf.soname == name:
            return native
    return None


def _joined(loads: list[_ModuleLoad]) -> LoadGroup:
    members = tuple({m.name: m for loaded in loads for m in loaded.members}.values())
    readable = elves(members)
    versions: dict[str, set[str]] = {}
    for _, elf in readable:
        for library, wanted in elf.version_needs.items():
            if library in loads[0].system:
                versions.setdefault(library, set()).update(wanted)
    wants = {symbol: member for loaded in loads for symbol, member in loaded.wants.items()}
    return LoadGroup(
        members=members,
        kinds=frozenset(kind_of(elf) for _, elf in readable),
        readable=len(readable) == len(members),
        exec_stack=next((name for name, elf in readable if elf.exec_stack), ""),
        packed=next((name for name, elf in readable if elf.packed_relocations), ""),
        static_tls=next((name for name, elf in readable if elf.static_tls), ""),
        preloaded=next((loaded.preloaded for loaded in loads if loaded.preloaded), ""),
        load_align=min((elf.load_align for _, elf in readable if elf.load_align), default=0),
        isa_level=max((elf.isa_level for _, elf in readable), default=0),
        system=loads[0].system,
        versions={library: frozenset(wanted) for library, wanted in versions.items()},
        wants=wants,
        wanted=frozenset(wants),
    )


def elves(members: Iterable[NativeMember]) -> list[tuple[str, ElfFacts]]:
    """Return the names and facts of the readable members."""
    return [(m.name, m.elf) for m in members if isinstance(m.elf, ElfFacts)]


def kind_of(elf: ElfFacts) -> tuple[str, int, bool]:
    """Return machine, word size and byte order, which a loader compares first."""
    return elf.machine, elf.bits, elf.little
