"""Rules about what a wheel has beyond its modules: libraries that it opens itself, and programs.

Which library a package opens, and what it opens before, is in its code. So a library that does not
load is a failure only if Python code of the wheel, or another library of it, names it. The same
rules weigh what is predicted and what is seen.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Prediction
from harness.core.passport import Symbols
from harness.predict.explanation import Diagnosis, import_failed
from harness.predict.installed_layout import InstalledLayout
from harness.predict.late_plan import is_program, libraries_of, programs_of
from harness.predict.library_resolution import library_of
from harness.predict.load_closure import load_groups
from harness.predict.load_rules import RULES, exec_stack, machine, static_tls
from harness.predict.symbol_rules import GLIBC_NAMES, MUSL_NAMES
from harness.predict.target_profile import TargetProfile
from harness.wheels.archive.contents import NativeMember
from harness.wheels.archive.elf import ElfFacts, UnreadableElf

_PROGRAM_RULES = tuple(rule for rule in RULES if rule not in {machine, static_tls, exec_stack})
"""What a program itself asks for when it starts, thread-local storage for one, it gets."""
_RUN_HERE = {("EM_X86_64", "EM_386")}
"""The interpreter's machine and another one whose programs the kernel runs too."""
_LOADER_FOLDERS = re.compile(r"(?:/usr)?/lib(?:32|64|x32)?(?:/[\w-]+-linux-\w+)?")
_GPU = re.compile(
    r"lib(?:cu(?:da|dart|blas|dnn|fft|rand|solver|sparse|pti|file)|nv|nccl|npp|hip|hsa|roc|amd|MIOpen"
    r"|OpenCL|ze_|sycl|vulkan|GL(?!U)|EGL)"
)
"""Libraries of graphics drivers and their toolkits: what needs them is for machines that have
them."""
_FOR_OTHERS = frozenset({Cause.WRONG_MACHINE, Cause.LIBC_FAMILY, Cause.MISSING_LOADER})
"""Why a file that is meant for another platform fails."""
_ANDROID = frozenset({"libdl.so", "liblog.so", "libm.so"})
"""Libraries beside ``libc.so`` that Android alone has without a version in the name."""
_LACKS = re.compile(r"(?:needs|undefined:) (?P<what>[^\s,@]+(?:, [^\s,@]+\.so[^\s,@]*)*)")
"""What the evidence of a prediction says that is missing."""
_OF_ABI = "https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class LateFailure:
    """Why a library or a program fails, as far as it matters here."""

    cause: str
    """Empty if it is not known."""
    lacks: str = ""
    """The library or the symbol that is missing; empty if it is not known."""


Failures = Mapping[str, LateFailure]
"""By the member's name."""


def deciding_libraries(layout: InstalledLayout, failed: Failures) -> list[str]:
    """Return those of the failed libraries whose failure is one of the wheel."""
    return [
        name
        for name in libraries_of(layout)
        if name in failed
        and not _is_for_android(layout.natives[name])
        and _library(layout, name, failed)
    ]


def deciding_programs(layout: InstalledLayout, failed: Failures) -> list[str]:
    """Return those of the failed programs whose failure is one of the wheel.

    A script is none: the program that it names may be installed later.
    """
    programs = [name for name in programs_of(layout) if name in layout.natives]
    some_start = any(name not in failed for name in programs)
    return [
        name
        for name in programs
        if name in failed
        and not _is_for_android(layout.natives[name])
        and not (some_start and failed[name].cause in _FOR_OTHERS)
        and not _GPU.match(PurePosixPath(failed[name].lacks).name)
    ]


def predict_late(
    layout: InstalledLayout, profile: TargetProfile, symbols: Symbols
) -> Prediction | None:
    """Return the failure of a library that the wheel opens itself, or of a program."""
    libraries = dict(_failing_libraries(layout, profile, symbols))
    if names := deciding_libraries(layout, _reduced(libraries)):
        return replace(libraries[names[0]], outcome=Outcome.LOAD_FAILED, stage=Stage.LOAD)
    programs = dict(_failing_programs(layout, profile, symbols))
    if names := deciding_programs(layout, _reduced(programs)):
        return replace(programs[names[0]], outcome=Outcome.START_FAILED, stage=Stage.START)
    return None


def _library(layout: InstalledLayout, name: str, failed: Failures) -> bool:
    failure, named = failed[name], layout.wheel.sources.named
    by_code = name in named
    if not by_code and not _named_by_library(layout, name, failed):
        return False
    match failure.cause:
        case cause if cause in _FOR_OTHERS or _is_foreign(layout, name):
            return all(other in failed for other in libraries_of(layout) if other in named)
        case Cause.UNDEFINED_SYMBOL:
            # What another file defines, the package may have loaded for all before.
            return not _is_defined(layout, failure.lacks)
        case Cause.MISSING_LIBRARY:
            return by_code and not _GPU.match(PurePosixPath(failure.lacks).name)
        case Cause.SIGNAL | Cause.TIMEOUT | "":
            return by_code
        case _:
            return True


def _is_for_android(native: NativeMember) -> bool:
    """Whether a file is for a device to which the package sends it."""
    elf = native.elf
    if not isinstance(elf, ElfFacts):
        return False
    bionic = "libc.so" in elf.needed and not _ANDROID.isdisjoint(elf.needed)
    return bionic or elf.interpreter.startswith("/system/bin/linker")


def _is_foreign(layout: InstalledLayout, name: str) -> bool:
    elf = layout.natives[name].elf
    return isinstance(elf, UnreadableElf) and elf.foreign


def _named_by_library(layout: InstalledLayout, name: str, failed: Failures) -> bool:
    file = PurePosixPath(name).name
    loaded = (n for n in layout.wheel.native if n.name not in failed and not is_program(n))
    return any(file in native.names for native in loaded)


def _is_defined(layout: InstalledLayout, symbol: str) -> bool:
    return any(
        symbol == exported.partition("@")[0]
        for native in layout.wheel.native
        if isinstance(native.elf, ElfFacts)
        for exported in native.elf.exported
    )


def _reduced(predicted: Mapping[str, Prediction]) -> dict[str, LateFailure]:
    reduced = {}
    for name, each in predicted.items():
        found = _LACKS.match(each.evidence)
        lacks = found["what"].split(", ") if found else [""]
        others = (what for what in lacks if not _GPU.match(what))
        reduced[name] = LateFailure(cause=each.cause, lacks=next(others, lacks[0]))
    return reduced


def _failing_libraries(
    layout: InstalledLayout, profile: TargetProfile, symbols: Symbols
) -> Iterator[tuple[str, Prediction]]:
    for name in libraries_of(layout):
        for load in load_groups(layout, (name,), musl=profile.musl):
            failures = (rule(load, profile, symbols) for rule in RULES)
            if failure := next(filter(None, failures), None):
                yield name, failure


def _failing_programs(
    layout: InstalledLayout, profile: TargetProfile, symbols: Symbols
) -> Iterator[tuple[str, Prediction]]:
    for name in programs_of(layout):
        native = layout.natives.get(name)
        if native is None or not isinstance(native.elf, ElfFacts):
            continue
        here = profile.passport.elf_machine
        foreign = (here, native.elf.machine) in _RUN_HERE
        for load in load_groups(layout, (name,), musl=profile.musl):
            failure = None if foreign else machine(load, profile, symbols)
            failure = failure or _loader(name, native.elf, profile)
            failures = () if foreign else (rule(load, profile, symbols) for rule in _PROGRAM_RULES)
            if failure := failure or next(filter(None, failures), None):
                yield name, failure


def _loader(name: str, elf: ElfFacts, profile: TargetProfile) -> Prediction | None:
    """Find a program whose loader the target lacks."""
    folder, file = posixpath.split(elf.interpreter)
    ours = profile.passport.loader
    if not file or not ours or _merged(elf.interpreter) == _merged(ours):
        return None
    usual = _LOADER_FOLDERS.fullmatch(folder) is not None
    if usual and file != posixpath.basename(ours) and library_of(profile, file) is not None:
        return None
    other_libc = usual and file.startswith(GLIBC_NAMES if profile.musl else MUSL_NAMES)
    return import_failed(
        Cause.LIBC_FAMILY if other_libc else Cause.MISSING_LOADER,
        file=name,
        evidence=f"its loader is {elf.interpreter}; here it is {ours}",
        explanation=(
            f"{name} is a program that {elf.interpreter} must load. {profile.title} has no such "
            'file, so the kernel does not start it: "No such file or directory".'
        ),
        diagnosis=Diagnosis(
            remedy="Build the program for this libc, or link it statically.", reference=_OF_ABI
        ),
    )


def _merged(path: str) -> str:
    """Return a path below ``/usr`` as systems with a merged ``/usr`` link it."""
    return path.removeprefix("/usr")
