"""Whether what was found can be loaded: ELF files and a target in, the first failure out.

One function a rule, in the order in which a loader finds out.
"""

from collections.abc import Callable

from harness.model import Prediction
from harness.passport import Symbols
from harness.predict.ground import Ground, numbers
from harness.predict.load import Load
from harness.predict.reach import library_of, names_in, reach, versions_in
from harness.predict.shape import Shape
from harness.predict.verdict import Cause, Story, import_failed, some
from harness.wheel.elf import ElfFacts, UnreadableElf

_ELF = "https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html"
_LOADER = "https://man7.org/linux/man-pages/man8/ld.so.8.html"
_VERSIONS = "https://www.akkadia.org/drepper/symbol-versioning"
_MANYLINUX = "https://peps.python.org/pep-0600/"
_MUSL = "https://wiki.musl-libc.org/functional-differences-from-glibc.html"
_STABLE_ABI = "https://docs.python.org/3/c-api/stable.html"
_EXEC_STACK = "https://sourceware.org/glibc/wiki/Release/2.41"
_NO_EXEC_STACK_SINCE = (2, 41)
_GLIBC = ("libc.so.6", "ld-linux", "ld64.so")
_MUSL_LIBC = ("libc.musl-", "ld-musl-")

Rule = Callable[[Load, Ground, Symbols], Prediction | None]


def judge_loads(
    shape: Shape, loads: tuple[Load, ...], ground: Ground, symbols: Symbols
) -> Prediction | None:
    """Return what the first rule says that is broken."""
    for load in loads:
        for rule in RULES:
            if said := rule(load, ground, symbols):
                return _of_abi3(shape, said)
    return None


def machine(load: Load, ground: Ground, _: Symbols) -> Prediction | None:
    """Find the file of another machine, word size or byte order."""
    passport = ground.passport
    here = (passport.elf_machine, passport.elf_bits, passport.elf_little)
    if load.kinds <= {here} or not passport.elf_machine:
        return None
    name, theirs = next((n, kind) for n, kind in _kinds(load) if kind != here)
    return import_failed(
        Cause.WRONG_MACHINE,
        file=name,
        evidence=f"{_kind(theirs)}; the interpreter is {_kind(here)}",
        explanation=(
            f"{name} is machine code for {_kind(theirs)}; {ground.title} is {_kind(here)} and "
            "its loader takes no other. A tag that fits promises that this cannot happen."
        ),
        story=Story(remedy="Build the wheel for this architecture.", reference=_ELF),
    )


def unreadable(load: Load, _: Ground, __: Symbols) -> Prediction | None:
    """Find the file that begins like ELF and does not go on like it."""
    if load.readable:
        return None
    name, elf = next((m.name, m.elf) for m in load.members if isinstance(m.elf, UnreadableElf))
    return import_failed(
        Cause.UNREADABLE,
        file=name,
        evidence=elf.reason,
        explanation=f"{name} begins like an ELF file, and cannot be read as one: {elf.reason}.",
        story=Story(remedy="Build the wheel again, or download it again.", reference=_ELF),
    )


def libc_family(load: Load, ground: Ground, _: Symbols) -> Prediction | None:
    """Find the module of the other libc, by the libraries that only that one has."""
    others = _GLIBC if ground.musl else _MUSL_LIBC
    for name, member in load.system.items():
        bare = not ground.musl and name == "libc.so"
        if (name.startswith(others) or bare) and library_of(ground, name) is None:
            return _other_libc(ground, member, f"needs {name}")
    return None


def missing_library(load: Load, ground: Ground, _: Symbols) -> Prediction | None:
    """Find the library that is neither the wheel's nor the target's."""
    missing = reach(ground, frozenset(load.system)).missing
    if not missing:
        return None
    member = load.system[missing[0]]
    return import_failed(
        Cause.MISSING_LIBRARY,
        file=member,
        evidence=f"needs {some(list(missing))}, which the loader does not find",
        explanation=(
            f"{member} needs {some(list(missing))}. No file of the wheel on its search path is "
            f"that library, and the loader of {ground.title} finds none by itself."
        ),
        story=Story(
            remedy="Bundle the library (auditwheel repair), or install it on the target.",
            reference=_LOADER,
        ),
    )


def library_version(load: Load, ground: Ground, symbols: Symbols) -> Prediction | None:
    """Find the symbol version that a library of the target does not have yet."""
    if ground.musl:
        return None
    for name, wanted in load.versions.items():
        if lacking := _lacking(ground, symbols, name, wanted):
            return _too_old(load, ground, name, lacking)
    return None


def undefined_symbol(load: Load, ground: Ground, symbols: Symbols) -> Prediction | None:
    """Find the symbol that nothing in the load order defines (weak ones are excused)."""
    sets = reach(ground, frozenset(load.system)).sets
    if sets is None:
        return None
    left = load.wanted
    for set_id in sets:
        left = left - names_in(symbols, set_id)
        if not left:
            return None
    left = frozenset(s for s in left if not _unversioned(s, symbols, sets))
    return _undefined(load, ground, sorted(left)) if left else None


def exec_stack(load: Load, ground: Ground, _: Symbols) -> Prediction | None:
    """Find the file that asks for an executable stack where the loader no longer grants it."""
    if not load.exec_stack or ground.musl or ground.libc < _NO_EXEC_STACK_SINCE:
        return None
    return import_failed(
        Cause.EXEC_STACK,
        file=load.exec_stack,
        evidence="PT_GNU_STACK asks for an executable stack",
        explanation=(
            f"{load.exec_stack} asks for an executable stack. From 2.41 on glibc does not make "
            f"the stack executable for a library that is loaded later; {ground.title} refuses it."
        ),
        story=Story(
            remedy="Link with -z noexecstack; assembly files need a .note.GNU-stack section.",
            reference=_EXEC_STACK,
        ),
    )


def page_size(load: Load, ground: Ground, _: Symbols) -> Prediction | None:
    """Find the file whose segments are aligned to less than a page of the target."""
    page = ground.passport.page_size
    if not load.load_align or ground.musl or page <= 0 or load.load_align % page == 0:
        return None
    name = next(n for n, elf in _elves(load) if elf.load_align == load.load_align)
    return import_failed(
        Cause.PAGE_SIZE,
        file=name,
        evidence=f"segments aligned to {load.load_align} bytes; a page has {page}",
        explanation=(
            f"The segments of {name} are aligned to {load.load_align} bytes. {ground.title} has "
            f"pages of {page} bytes, and its loader maps whole pages."
        ),
        story=Story(
            remedy=f"Link with -z max-page-size={page} or a multiple.",
            reference=_ELF,
        ),
    )


RULES: tuple[Rule, ...] = (
    machine,
    unreadable,
    libc_family,
    missing_library,
    library_version,
    undefined_symbol,
    exec_stack,
    page_size,
)


def _lacking(ground: Ground, symbols: Symbols, name: str, wanted: frozenset[str]) -> frozenset[str]:
    library = library_of(ground, name)
    if library is not None and library.symbols:
        offered = versions_in(symbols, library.symbols)
        # A library without versions satisfies every version (elf/dl-version.c).
        return wanted - offered if offered else frozenset()
    if not ground.libc:
        return frozenset()
    # Only the libc's own version is known; names such as GLIBC_PRIVATE say nothing.
    return frozenset(v for v in wanted if v.startswith("GLIBC_2.") and numbers(v) > ground.libc)


def _too_old(load: Load, ground: Ground, name: str, lacking: frozenset[str]) -> Prediction:
    versions = sorted(lacking, key=numbers)
    newest = versions[-1]
    member = next(n for n, elf in _elves(load) if newest in elf.version_needs.get(name, ()))
    libc = newest.startswith("GLIBC_")
    return import_failed(
        Cause.LIBC_TOO_OLD if libc else Cause.LIBRARY_TOO_OLD,
        file=member,
        evidence=f"needs {newest} of {name}; {ground.passport.libc or 'the target'} has not",
        explanation=(
            f"{member} uses symbols of {name} at version {newest}, and {ground.title} has a "
            f"{name} without {some(versions)}. The loader checks the versions before it starts."
        ),
        story=Story(
            remedy=(
                "Build in a builder image whose libc is as old as the tag promises."
                if libc
                else f"Bundle {name}, or build with an older compiler."
            ),
            reference=_MANYLINUX if libc else _VERSIONS,
        ),
    )


def _unversioned(symbol: str, symbols: Symbols, sets: tuple[str, ...]) -> bool:
    """Whether a set defines the name without any version, which serves every version."""
    name, at, _ = symbol.partition("@")
    return bool(at) and any(name in symbols(set_id) for set_id in sets)


def _undefined(load: Load, ground: Ground, missing: list[str]) -> Prediction:
    member = load.wants[missing[0]]
    if ground.musl and any(name.startswith(_GLIBC) for name in load.system):
        return _other_libc(ground, member, f"needs {some(missing)}")
    return import_failed(
        Cause.UNDEFINED_SYMBOL,
        file=member,
        evidence=f"undefined: {some(missing)}",
        explanation=(
            f"{member} needs {some(missing)}. Neither the interpreter nor a library that is "
            f"loaded with it on {ground.title} defines that, and the wheel does not either."
        ),
        story=Story(
            remedy="Link with the library that defines it, or do without what is newer than the "
            "oldest target.",
            reference=_LOADER,
        ),
    )


def _of_abi3(shape: Shape, said: Prediction) -> Prediction:
    """Tell a stable-ABI wheel apart whose module needs a newer Python than its tag says."""
    name = said.evidence.removeprefix("undefined: ")
    stable = any("-abi3" in tag for tag in shape.wheel.name.tags)
    if said.cause != Cause.UNDEFINED_SYMBOL or not stable or not name.startswith(("Py", "_Py")):
        return said
    return import_failed(
        Cause.ABI3_FLOOR,
        file=said.file,
        evidence=said.evidence,
        explanation=said.explanation,
        story=Story(
            why=f"The tag {shape.wheel.name.tag_part} promises the stable ABI from that version "
            "on, and the module uses more than that version had.",
            remedy="Raise the Python of the tag, or build with Py_LIMITED_API at the tag's.",
            reference=_STABLE_ABI,
        ),
    )


def _other_libc(ground: Ground, member: str, needs: str) -> Prediction:
    theirs, ours = ("glibc", "musl") if ground.musl else ("musl", "glibc")
    return import_failed(
        Cause.LIBC_FAMILY,
        file=member,
        evidence=f"{needs}: it is built for {theirs}, this is {ours}",
        explanation=(
            f"{member} {needs}, as what is built for {theirs} does. {ground.title} is a {ours} "
            f"system, and one libc does not stand in for the other."
        ),
        story=Story(
            remedy=f"Build a wheel for {ours} too, and tag each for its own libc.",
            reference=_MUSL,
        ),
    )


def _elves(load: Load) -> list[tuple[str, ElfFacts]]:
    return [(m.name, m.elf) for m in load.members if isinstance(m.elf, ElfFacts)]


def _kinds(load: Load) -> list[tuple[str, tuple[str, int, bool]]]:
    return [(name, (elf.machine, elf.bits, elf.little)) for name, elf in _elves(load)]


def _kind(kind: tuple[str, int, bool]) -> str:
    name, bits, little = kind
    return f"{name.removeprefix('EM_')}, {bits} bits, {'little' if little else 'big'}-endian"
