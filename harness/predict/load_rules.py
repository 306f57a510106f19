"""Rules about loading ELF files on a target, in the order of a loader's checks."""

from collections.abc import Callable
from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.observations import Prediction
from harness.core.passport import ExecStack, Symbols
from harness.predict.explanation import Diagnosis, import_failed
from harness.predict.installed_layout import extension
from harness.predict.load_closure import LoadGroup, elves, kind_of
from harness.predict.symbol_rules import (
    libc_family,
    library_version,
    missing_in,
    missing_library,
    undefined_symbol,
)
from harness.predict.target_profile import TargetProfile
from harness.wheels.archive.elf import UnreadableElf

_ELF = "https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html"
_EXEC_STACK = "https://sourceware.org/glibc/wiki/Release/2.41"

_STATIC_TLS = "https://wiki.musl-libc.org/functional-differences-from-glibc.html"
_PACKED = "https://git.musl-libc.org/cgit/musl/tree/WHATSNEW"
_PACKED_SINCE = {True: (1, 2, 4), False: (2, 36)}
"""Whether musl → first version whose loader applies packed relocations.

Source: musl's WHATSNEW of 1.2.4, glibc's NEWS of 2.36.
"""

_CRASHES_WITHOUT_NAME = "EM_PPC64"
"""Where musl crashes on its way to the message about a variable without a name.

It prints a name that nothing has set (``do_relocs`` in ``ldso/dynlink.c``). Other machines happen
to have an empty or an earlier name there, as seen on 1.2.2 to 1.2.5.
"""
_ISA_LEVEL = "https://gitlab.com/x86-psABIs/x86-64-ABI"

Rule = Callable[[LoadGroup, TargetProfile, Symbols], Prediction | None]


def predict_loads(
    loads: tuple[LoadGroup, ...],
    profile: TargetProfile,
    symbols: Symbols,
    *,
    guarded: frozenset[str] = frozenset(),
    beside: frozenset[str] = frozenset(),
) -> Prediction | None:
    """Return the failure of the first broken rule.

    ``guarded`` modules may lack a library: their package goes on without them, until their users
    install it. So may all modules if it is among the files of dependencies, ``beside``: these may
    lie in the search path, or be opened first.
    """
    for load in loads:
        for rule in RULES:
            if failure := rule(load, profile, symbols):
                modules = _modules_in(load)
                optional = bool(modules) and guarded.issuperset(modules)
                if failure.cause == Cause.MISSING_LIBRARY and (
                    optional or beside.issuperset(missing_in(load, profile))
                ):
                    break
                return failure
    return None


def _modules_in(load: LoadGroup) -> list[str]:
    return [module for member in load.members if (module := extension(member))]


def machine(load: LoadGroup, profile: TargetProfile, _: Symbols) -> Prediction | None:
    """Find a file for another machine, word size or byte order."""
    passport = profile.passport
    here = (passport.elf_machine, passport.elf_bits, passport.elf_little)
    if load.kinds <= {here} or not passport.elf_machine:
        return None
    name, theirs = next(
        (n, kind) for n, elf in elves(load.members) if (kind := kind_of(elf)) != here
    )
    return import_failed(
        Cause.WRONG_MACHINE,
        file=name,
        evidence=f"{_kind(theirs)}; the interpreter is {_kind(here)}",
        explanation=(
            f"{name} is machine code for {_kind(theirs)}; {profile.title} is {_kind(here)} and "
            "its loader accepts no other. The wheel's tag promises otherwise."
        ),
        diagnosis=Diagnosis(remedy="Build the wheel for this architecture.", reference=_ELF),
    )


def unreadable(load: LoadGroup, _: TargetProfile, __: Symbols) -> Prediction | None:
    """Find a file that the loader does not take for a library."""
    if load.readable:
        return None
    name, elf = next((m.name, m.elf) for m in load.members if isinstance(m.elf, UnreadableElf))
    return import_failed(
        Cause.UNREADABLE,
        file=name,
        evidence=elf.reason,
        explanation=f"The loader cannot read {name}: {elf.reason}.",
        diagnosis=Diagnosis(
            remedy="Build the wheel again for this platform, or download it again.", reference=_ELF
        ),
    )


def exec_stack(load: LoadGroup, profile: TargetProfile, _: Symbols) -> Prediction | None:
    """Find a file that requests an executable stack where the loader refuses it."""
    if not load.exec_stack or profile.passport.exec_stack is not ExecStack.REFUSED:
        return None
    return import_failed(
        Cause.EXEC_STACK,
        file=load.exec_stack,
        evidence="PT_GNU_STACK asks for an executable stack",
        explanation=(
            f"{load.exec_stack} requests an executable stack. From 2.41 on glibc refuses that "
            f"to libraries loaded by dlopen; this is {profile.title}."
        ),
        diagnosis=Diagnosis(
            remedy="Link with -z noexecstack; assembly files need a .note.GNU-stack section.",
            reference=_EXEC_STACK,
        ),
    )


def packed_relocations(load: LoadGroup, profile: TargetProfile, _: Symbols) -> Prediction | None:
    """Find a file whose packed relocations the loader ignores."""
    since = _PACKED_SINCE[profile.musl]
    if not load.packed or not profile.libc or profile.libc >= since:
        return None
    version = f"{'musl' if profile.musl else 'glibc'} {'.'.join(map(str, since))}"
    failed = import_failed(
        Cause.PACKED_RELOCATIONS,
        file=load.packed,
        evidence="it has relocations in DT_RELR",
        explanation=(
            f"{load.packed} has packed relocations (DT_RELR), which loaders apply from {version} "
            f"on. {profile.title} ignores them, so the pointers stay unrelocated: a crash, most "
            "often while the module is loaded."
        ),
        diagnosis=Diagnosis(
            remedy="Link with -z nopack-relative-relocs; take libraries that auditwheel bundles "
            "from an older system.",
            reference=_PACKED,
        ),
    )
    return replace(failed, outcome=Outcome.CRASHED)


def static_tls(load: LoadGroup, profile: TargetProfile, _: Symbols) -> Prediction | None:
    """Find a file that needs thread-local storage which musl gives at the start only."""
    if not load.static_tls or not profile.musl:
        return None
    failed = import_failed(
        Cause.STATIC_TLS,
        file=load.static_tls,
        evidence="it has initial-exec relocations to thread-local variables of its own",
        explanation=(
            f"{load.static_tls} addresses its thread-local variables by the initial-exec model, "
            "for which they must exist when the process starts. musl refuses that to a library "
            f"that is loaded later, as every extension module is; this is {profile.title}."
        ),
        diagnosis=Diagnosis(
            remedy="Compile with -ftls-model=global-dynamic; allocators have an option for it "
            "(mimalloc: local_dynamic_tls, jemalloc: --disable-initial-exec-tls).",
            reference=_STATIC_TLS,
        ),
    )
    nameless = any(elf.nameless_tls for name, elf in elves(load.members) if name == load.static_tls)
    crashes = nameless and profile.passport.elf_machine == _CRASHES_WITHOUT_NAME
    return replace(failed, outcome=Outcome.CRASHED) if crashes else failed


def page_size(load: LoadGroup, profile: TargetProfile, _: Symbols) -> Prediction | None:
    """Find a file whose segments are aligned to less than the target's page size."""
    page = profile.passport.page_size
    if not load.load_align or profile.musl or page <= 0 or load.load_align % page == 0:
        return None
    name = next(n for n, elf in elves(load.members) if elf.load_align == load.load_align)
    return import_failed(
        Cause.PAGE_SIZE,
        file=name,
        evidence=f"segments aligned to {load.load_align} bytes; a page has {page}",
        explanation=(
            f"The segments of {name} are aligned to {load.load_align} bytes. {profile.title} has "
            f"pages of {page} bytes, and a loader maps whole pages."
        ),
        diagnosis=Diagnosis(
            remedy=f"Link with -z max-page-size={page} or a multiple.", reference=_ELF
        ),
    )


def isa_level(load: LoadGroup, profile: TargetProfile, _: Symbols) -> Prediction | None:
    """Find a file whose properties need a higher x86-64 level than the CPU that is asked for.

    glibc checks it from 2.33 on (its NEWS); musl does not. Most files say nothing of it.
    """
    level = profile.passport.isa_level
    if not 0 < level < load.isa_level or profile.musl or profile.libc < (2, 33):
        return None
    name = next(n for n, elf in elves(load.members) if elf.isa_level == load.isa_level)
    return import_failed(
        Cause.CPU_BASELINE,
        file=name,
        evidence=f"it needs x86-64-v{load.isa_level}; the CPU has x86-64-v{level}",
        explanation=(
            f"The properties of {name} say that it needs x86-64-v{load.isa_level}. The CPU that is "
            f"asked for has x86-64-v{level}, and the loader of {profile.title} checks that."
        ),
        diagnosis=Diagnosis(
            remedy="Compile it for the baseline, -march=x86-64, and choose faster code at run "
            "time.",
            reference=_ISA_LEVEL,
        ),
    )


RULES: tuple[Rule, ...] = (
    machine,
    unreadable,
    libc_family,
    missing_library,
    library_version,
    undefined_symbol,
    static_tls,
    exec_stack,
    page_size,
    isa_level,
    packed_relocations,
)


def _kind(kind: tuple[str, int, bool]) -> str:
    name, bits, little = kind
    return f"{name.removeprefix('EM_')}, {bits} bits, {'little' if little else 'big'}-endian"
