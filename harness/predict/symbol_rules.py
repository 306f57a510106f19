"""Rules about a module's libraries on a target: libc family, files, versions, symbols.

In the order of a loader's checks. If a target's libraries are not recorded, the rules about them
predict nothing.
"""

import re

from harness.core.causes import Cause
from harness.core.observations import Prediction
from harness.core.passport import Symbols
from harness.predict.explanation import Diagnosis, abbreviate, import_failed
from harness.predict.library_resolution import library_of, names_in, resolve_libraries, versions_in
from harness.predict.load_closure import LoadGroup, elves
from harness.predict.target_profile import TargetProfile, numbers

_LOADER = "https://man7.org/linux/man-pages/man8/ld.so.8.html"
_VERSIONS = "https://www.akkadia.org/drepper/symbol-versioning"
_MANYLINUX = "https://peps.python.org/pep-0600/"
_MUSL = "https://wiki.musl-libc.org/functional-differences-from-glibc.html"
GLIBC_NAMES = ("libc.so.6", "ld-linux", "ld64.so")
_OLD_NAMES = re.compile(
    r"(aio_(cancel|error|fsync|read|return|suspend|write)|alphasort|creat|fallocate|fgetpos|fopen"
    r"|freopen|fseeko|fsetpos|fstat|fstatat|fstatfs|fstatvfs|ftello|ftruncate|ftw|getdents"
    r"|getrlimit|glob|globfree|lio_listio|lockf|lseek|lstat|mkostemps?|mkstemps?|mmap|nftw|open"
    r"|openat|posix_fadvise|posix_fallocate|preadv?|prlimit|pwritev?|readdir|scandir|sendfile"
    r"|setrlimit|stat|statfs|statvfs|tmpfile|truncate|versionsort|__fxstat|__fxstatat|__lxstat|__xstat)64"
)
"""musl binds these to the names without 64, for what was linked before 1.2.4 dropped the names.

Source: ldso/dynlink.c, ``get_lfs64``; WHATSNEW of 1.2.4.
"""
MUSL_NAMES = ("libc.musl-", "ld-musl-")
_PYTHON_NAMES = ("Py", "_Py")
_OF_PYTHON = Diagnosis(
    remedy="Build with the oldest Python that the wheel is for; for the stable ABI (abi3), define "
    "Py_LIMITED_API as the version in the tag.",
    reference="https://docs.python.org/3/c-api/stable.html",
)
_OF_A_LIBRARY = Diagnosis(
    remedy="Link with the library that defines it, or avoid functions newer than the oldest "
    "target.",
    reference=_LOADER,
)


def libc_family(load: LoadGroup, profile: TargetProfile, _: Symbols) -> Prediction | None:
    """Find a module built for the other libc, by the libraries that only that libc has."""
    others = GLIBC_NAMES if profile.musl else MUSL_NAMES
    for name, member in load.system.items():
        bare = not profile.musl and name == "libc.so"
        if (name.startswith(others) or bare) and library_of(profile, name) is None:
            return _other_libc(profile, member, f"needs {name}")
    return None


def missing_in(load: LoadGroup, profile: TargetProfile) -> tuple[str, ...]:
    """Return the libraries that neither the wheel nor the target has."""
    return resolve_libraries(profile, frozenset(load.system)).missing


def missing_library(load: LoadGroup, profile: TargetProfile, _: Symbols) -> Prediction | None:
    """Find a library that neither the wheel nor the target has."""
    missing = missing_in(load, profile)
    if not missing:
        return None
    member = load.system[missing[0]]
    return import_failed(
        Cause.MISSING_LIBRARY,
        file=member,
        evidence=f"needs {abbreviate(missing)}, which the loader does not find",
        explanation=(
            f"{member} needs {abbreviate(missing)}. Its search path leads to no "
            f"such file in the wheel, and the loader of {profile.title} does not find it."
        ),
        diagnosis=Diagnosis(
            remedy="Bundle the library (auditwheel repair), or install it on the target.",
            reference=_LOADER,
        ),
    )


def library_version(load: LoadGroup, profile: TargetProfile, symbols: Symbols) -> Prediction | None:
    """Find a symbol version that a library of the target is too old for."""
    if profile.musl:
        return None
    for name, wanted in load.versions.items():
        if lacking := _lacking(profile, symbols, name, wanted):
            return _too_old(load, profile, name, lacking)
    return None


def undefined_symbol(
    load: LoadGroup, profile: TargetProfile, symbols: Symbols
) -> Prediction | None:
    """Find a symbol that nothing in the load order defines, except weak ones."""
    sets = resolve_libraries(profile, frozenset(load.system)).sets
    if sets is None:
        return None
    left = load.wanted
    for set_id in sets:
        left = left - names_in(symbols, set_id)
        if not left:
            return None
    left = frozenset(s for s in left if not _unversioned(s, symbols, sets))
    if profile.musl:
        left = frozenset(s for s in left if not _binds_to_old_name(s, symbols, sets))
    return _undefined(load, profile, sorted(left)) if left else None


def _lacking(
    profile: TargetProfile, symbols: Symbols, name: str, wanted: frozenset[str]
) -> frozenset[str]:
    library = library_of(profile, name)
    if library is not None and library.symbols:
        offered = versions_in(symbols, library.symbols)
        # A library without versions satisfies every version (elf/dl-version.c).
        return wanted - offered if offered else frozenset()
    if not profile.libc:
        return frozenset()
    # Only the libc's own version is known, so GLIBC_PRIVATE and the like are skipped.
    return frozenset(v for v in wanted if v.startswith("GLIBC_2.") and numbers(v) > profile.libc)


def _too_old(
    load: LoadGroup, profile: TargetProfile, name: str, lacking: frozenset[str]
) -> Prediction:
    versions = sorted(lacking, key=numbers)
    newest = versions[-1]
    member = next(n for n, elf in elves(load.members) if newest in elf.version_needs.get(name, ()))
    libc = newest.startswith("GLIBC_")
    return import_failed(
        Cause.LIBC_TOO_OLD if libc else Cause.LIBRARY_TOO_OLD,
        file=member,
        evidence=f"needs {newest} of {name}; {profile.passport.libc or 'the target'} lacks it",
        explanation=(
            f"{member} uses symbols of {name} at version {newest}; the {name} of {profile.title} "
            f"lacks {abbreviate(versions)}. The loader checks versions before it loads the module."
        ),
        diagnosis=Diagnosis(
            remedy=(
                "Build in a builder image whose libc is as old as the tag."
                if libc
                else f"Bundle {name}, or build with an older compiler."
            ),
            reference=_MANYLINUX if libc else _VERSIONS,
        ),
    )


def _unversioned(symbol: str, symbols: Symbols, sets: tuple[str, ...]) -> bool:
    """Whether a set defines the name without a version, which matches every version."""
    name, at, _ = symbol.partition("@")
    return bool(at) and any(name in symbols(set_id) for set_id in sets)


def _binds_to_old_name(symbol: str, symbols: Symbols, sets: tuple[str, ...]) -> bool:
    """Whether musl's loader takes the symbol for one that it defines (``get_lfs64``)."""
    plain = "readdir_r" if symbol == "readdir64_r" else symbol.removesuffix("64")
    if plain != "readdir_r" and not _OLD_NAMES.fullmatch(symbol):
        return False
    return any(plain in symbols(set_id) for set_id in sets)


def _undefined(load: LoadGroup, profile: TargetProfile, missing: list[str]) -> Prediction:
    member = load.wants[missing[0]]
    if profile.musl and any(name.startswith(GLIBC_NAMES) for name in load.system):
        return _other_libc(profile, member, f"needs {abbreviate(missing)}")
    return import_failed(
        Cause.UNDEFINED_SYMBOL,
        file=member,
        evidence=f"undefined: {abbreviate(missing)}",
        explanation=(
            f"{member} needs {abbreviate(missing)}. On {profile.title} neither the "
            f"interpreter, nor a library that is loaded, nor the wheel defines it."
        ),
        diagnosis=_OF_PYTHON if missing[0].startswith(_PYTHON_NAMES) else _OF_A_LIBRARY,
    )


def _other_libc(profile: TargetProfile, member: str, needs: str) -> Prediction:
    theirs, ours = ("glibc", "musl") if profile.musl else ("musl", "glibc")
    return import_failed(
        Cause.LIBC_FAMILY,
        file=member,
        evidence=f"{needs}: it is built for {theirs}, this is {ours}",
        explanation=(
            f"{member} {needs}, so it is built for {theirs}. {profile.title} is a {ours} "
            f"system, and {ours} does not replace {theirs}."
        ),
        diagnosis=Diagnosis(
            remedy=f"Build a wheel for {ours} too, and tag each for its libc.", reference=_MUSL
        ),
    )
