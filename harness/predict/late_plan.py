"""Plan what a wheel has beyond its modules: libraries, programs, and the objects of commands."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from harness.predict.inferred_imports import NOT_FOR_USERS
from harness.predict.installed_layout import InstalledLayout, extension
from harness.wheels.archive.contents import NativeMember
from harness.wheels.archive.data_schemes import cell_path
from harness.wheels.archive.elf import ElfFacts
from harness.wheels.archive.python_sources import LIBRARY

MOST_LIBRARIES = 200
MOST_PROGRAMS = 20
MOST_ENTRIES = 20
_SCRIPT = re.compile(r"[^/]+\.data/scripts/")


@dataclass(frozen=True, kw_only=True, slots=True)
class LatePlan:
    """What to try once a wheel's modules are imported. Paths are from site-packages."""

    libraries: tuple[str, ...] = ()
    """Shared libraries, those that Python code names first."""
    entries: tuple[str, ...] = ()
    """The objects that console and GUI scripts call: ``demo.cli:main``."""
    programs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """What is not tried, in sentences."""


NOTHING_LATE = LatePlan()


@lru_cache(maxsize=1 << 12)
def plan_late(layout: InstalledLayout) -> LatePlan:
    """Return the plan for a wheel, up to the limits of this module."""
    found_libraries = libraries_of(layout)
    libraries = tuple(filter(None, map(cell_path, found_libraries)))
    entries = tuple(dict.fromkeys(layout.wheel.commands))
    programs = tuple(filter(None, map(cell_path, dict.fromkeys(programs_of(layout)))))
    found = (
        (libraries, MOST_LIBRARIES, "libraries"),
        (entries, MOST_ENTRIES, "commands"),
        (programs, MOST_PROGRAMS, "programs"),
    )
    left_out = [
        f"Of its {len(names)} {what} the first {most} are tried."
        for names, most, what in found
        if names[most:]
    ]
    return LatePlan(
        libraries=libraries[:MOST_LIBRARIES],
        entries=entries[:MOST_ENTRIES],
        programs=programs[:MOST_PROGRAMS],
        left_out=tuple(left_out),
    )


def libraries_of(layout: InstalledLayout) -> tuple[str, ...]:
    """Return the shared libraries that are no extension modules, those that code names first."""
    named = layout.wheel.sources.named
    found = [native.name for native in layout.wheel.native if is_library(native)]
    return tuple(sorted(found, key=lambda name: (name not in named, name)))


def programs_of(layout: InstalledLayout) -> tuple[str, ...]:
    """Return the members that a user can start: scripts, and executable ELF files."""
    found = [*layout.wheel.scripts]
    for native in layout.wheel.native:
        script = _SCRIPT.match(native.name) is not None
        for_users = NOT_FOR_USERS.isdisjoint(native.name.split("/")[:-1])
        if is_program(native) and (script or (native.executable and for_users)):
            found.append(native.name)
    return tuple(sorted(found, key=lambda name: (not _SCRIPT.match(name), name)))


def is_library(native: NativeMember) -> bool:
    """Whether an ELF file is a shared library, and no extension module."""
    if not LIBRARY.search(native.name) or extension(native):
        return False
    return not isinstance(native.elf, ElfFacts) or native.elf.type == "ET_DYN"


def is_program(native: NativeMember) -> bool:
    """Whether an ELF file is a program. Some libraries can be started too, and are none."""
    match native.elf:
        case ElfFacts(type="ET_EXEC"):
            return True
        case ElfFacts(type="ET_DYN", interpreter=loader, pie=pie, soname=soname):
            library = soname or LIBRARY.search(PurePosixPath(native.name).name)
            return bool(loader or pie) and not library
        case _:
            return bool(_SCRIPT.match(native.name))
