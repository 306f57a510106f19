"""Resolve library names as a target's loader does, from its passport."""

import re
from dataclasses import dataclass
from functools import lru_cache

from harness.core.passport import Symbols, SystemLibrary
from harness.predict.target_profile import TargetProfile

MOST_SETS = 1024
_ITSELF = re.compile(r"lib(?:c|pthread|rt|m|dl|util|xnet)\..*")
_MUSL_LIBC = re.compile(r"libc\.musl-.+|ld-musl-.+|libc\.so")


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryResolution:
    """The result of resolving library names on a target."""

    missing: tuple[str, ...] = ()
    """Names that the loader does not find, sorted; none if no libraries are recorded."""
    sets: tuple[str, ...] | None = None
    """Symbol sets in load order; None if one is not recorded."""


@lru_cache(maxsize=1 << 14)
def resolve_libraries(profile: TargetProfile, names: frozenset[str]) -> LibraryResolution:
    """Resolve the libraries of a module; the interpreter's symbols come first."""
    passport = profile.passport
    if not passport.libraries:
        return LibraryResolution()
    found: dict[str, SystemLibrary] = {}
    missing: list[str] = []
    queue = [*passport.linked, *sorted(names)]
    linked = set(passport.linked)
    for name in queue:
        library = library_of(profile, name)
        if library is None:
            missing += [name] if name in names and name not in linked else []
        elif library.path not in found:
            found[library.path] = library
            queue.extend(library.needed)
    sets = (passport.exports, *(library.symbols for library in found.values()))
    return LibraryResolution(
        missing=tuple(missing), sets=tuple(dict.fromkeys(sets)) if all(sets) else None
    )


def library_of(profile: TargetProfile, name: str) -> SystemLibrary | None:
    """Return the library that the loader finds for ``name``, or None."""
    libraries = _by_name(profile)
    if name not in libraries and profile.musl and _ITSELF.fullmatch(name):
        # musl is all of these itself, libc.so.6 too (ldso/dynlink.c, load_library).
        return next((lib for n, lib in libraries.items() if _MUSL_LIBC.fullmatch(n)), None)
    return libraries.get(name)


@lru_cache(maxsize=1 << 12)
def _by_name(profile: TargetProfile) -> dict[str, SystemLibrary]:
    return {library.name: library for library in profile.passport.libraries}


@lru_cache(maxsize=MOST_SETS)
def names_in(symbols: Symbols, set_id: str) -> frozenset[str]:
    """Return the symbols of a set with and without their versions; either may be needed."""
    offered = symbols(set_id)
    return offered.union(symbol.partition("@")[0] for symbol in offered)


@lru_cache(maxsize=MOST_SETS)
def versions_in(symbols: Symbols, set_id: str) -> frozenset[str]:
    """Return the versions that a library defines; none if its symbols have no versions."""
    return frozenset(v for symbol in symbols(set_id) if (v := symbol.partition("@")[2]))
