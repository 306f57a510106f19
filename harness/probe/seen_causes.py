"""Find the cause of an observation in its messages, and in what the wheel has (pure).

A message names a library, a symbol or a module. What the wheel has of that name distinguishes
causes that share a message. The prediction is not used.
"""

import re
from dataclasses import dataclass, replace

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Observation, Prediction
from harness.core.passport import Passport
from harness.core.standard_library import age_cause, is_standard
from harness.core.targets import ImageWay
from harness.predict.installed_layout import InstalledLayout, layout_of
from harness.predict.limits import DEPENDENCY
from harness.predict.load_closure import kind_of
from harness.predict.module_rules import NOTHING, nothing_in
from harness.predict.symbol_rules import GLIBC_NAMES, MUSL_NAMES
from harness.predict.tag_rules import asks_for_newer
from harness.predict.target_profile import TargetProfile, profile_of
from harness.probe.message_causes import (
    GIVEN,
    INSTALLER,
    LOADERS,
    OWN_WORDS,
    PROGRAMS,
    PYTHON,
    find_message,
    modules_not_found,
)
from harness.probe.sandbox import lack_of_import
from harness.wheels.archive.contents import NativeMember, WheelFacts
from harness.wheels.archive.elf import ElfFacts

_WITHOUT = (Outcome.PASS, Outcome.MISS, Outcome.REFUSED)
_NOT_BUILT = frozenset(
    {"_crypt", "_curses", "_curses_panel", "_dbm", "_gdbm", "_tkinter", "_uuid", "nis"}
    | {"ossaudiodev", "readline"}
)
"""Modules that replicas lack (``images.cpython.modules``), and what they replicate has."""
_UNREAD = "is not read by this interpreter"
_OF_DEPENDENCY = re.compile(rf"{DEPENDENCY}\S+ \S+: ")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scene:
    """The wheel and the target that a message is about."""

    layout: InstalledLayout
    profile: TargetProfile

    def member(self, path: str) -> NativeMember | None:
        """Return the wheel's ELF file at an installed path."""
        places = self.layout.places.items()
        return next((native for place, native in places if path.endswith(f"/{place}")), None)

    def is_for_glibc(self) -> bool:
        return any(
            name.startswith(GLIBC_NAMES)
            for native in self.layout.wheel.native
            if isinstance(native.elf, ElfFacts)
            for name in native.elf.needed
        )


def explained(
    seen: Observation, predicted: Prediction | None, wheel: WheelFacts | None, passport: Passport
) -> Observation:
    """Return the observation with the cause that it shows itself, and with the prediction.

    Nothing can be said of a wheel that only needs what a replica, or every cell, lacks.
    """
    cause = seen_cause(seen, wheel, passport)
    evidence = nothing_in(wheel) if wheel and seen.evidence == NOTHING else seen.evidence
    if wheel and cause == Cause.SUFFIX_MISMATCH:
        evidence = _with_unread_file(evidence, _scene(wheel, passport))
    seen = replace(seen, cause=cause, evidence=evidence, prediction=predicted)
    if seen.outcome not in (Outcome.IMPORT_FAILED, Outcome.CALL_FAILED):
        return seen
    image = seen.provenance.image
    replica = image is not None and image.way is ImageWay.REPLICA
    return _beyond_cell(_beyond_replica(seen) if replica else seen)


def _beyond_cell(seen: Observation) -> Observation:
    """Return a miss if the import needs what a cell's hardening keeps from it."""
    lack = lack_of_import(seen.evidence, seen.log)
    if seen.outcome is Outcome.MISS or not lack:
        return seen
    words = f"a cell has {lack} ({seen.evidence})"
    return replace(seen, outcome=Outcome.MISS, cause=Cause.SANDBOX, evidence=words)


def _beyond_replica(seen: Observation) -> Observation:
    """Return a miss if the wheel only needs what the replica lacks, and not the original."""
    lacking = [name for name in modules_not_found(seen.evidence) if name in _NOT_BUILT]
    if not lacking:
        return seen
    words = f"the replica lacks {lacking[0]}, which the original has; try --images registry"
    return replace(
        seen, outcome=Outcome.MISS, cause=Cause.IMAGE, evidence=f"{words} ({seen.evidence})"
    )


def seen_cause(seen: Observation, wheel: WheelFacts | None, passport: Passport) -> str:
    """Return the cause that an observation itself shows; empty if no message is known."""
    if seen.outcome in _WITHOUT or seen.cause in GIVEN - {Cause.SIGNAL}:
        return seen.cause
    if seen.cause == Cause.SIGNAL or seen.outcome is Outcome.CRASHED:
        said = seen.log if seen.outcome is Outcome.CRASHED else seen.evidence
        found = find_message(said, PYTHON)
        return found[0].cause if found and found[0].cause is Cause.PAGE_SIZE else Cause.SIGNAL
    if seen.stage is Stage.TEST:
        return seen.cause  # the runner's words are about the tests
    if seen.stage is Stage.INSTALL:
        return _installer_cause(f"{seen.evidence}\n{seen.log}")
    if seen.evidence.startswith(NOTHING):
        return Cause.NO_MODULE
    return message_cause(seen.evidence, wheel, passport)


def message_cause(text: str, wheel: WheelFacts | None, passport: Passport) -> str:
    """Return the cause that a message shows; empty if it is not known."""
    return _import_cause(text, _scene(wheel, passport) if wheel else None)


def _scene(wheel: WheelFacts, passport: Passport) -> _Scene:
    return _Scene(layout=layout_of(wheel), profile=profile_of(passport))


def _with_unread_file(text: str, scene: _Scene) -> str:
    """Return the evidence after the name of the module's file, which the interpreter passes over.

    Python's message is that of a circular import, if the module's package is being imported.
    """
    if _UNREAD in text:
        return text  # of an earlier run
    suffixes = scene.profile.passport.extension_suffixes
    for module in modules_not_found(text):
        if (files := scene.layout.members_of(module)) and not scene.layout.find(module, suffixes):
            file = min(files.values()).rpartition("/")[2]
            said = f"{file} {_UNREAD} (it reads {' '.join(suffixes)})"
            found = _OF_DEPENDENCY.match(text)
            start = found.end() if found else 0
            return f"{text[:start]}{said}: {text[start:]}"
    return text


def _installer_cause(text: str) -> str:
    found = find_message(text, INSTALLER)
    if found is None:
        return ""
    row, match = found
    if row.cause is not Cause.REQUIRES_PYTHON:
        return row.cause
    older = asks_for_newer(match["wanted"], match["version"])
    return Cause.PYTHON_TOO_OLD if older else Cause.PYTHON_TOO_NEW


def _import_cause(text: str, scene: _Scene | None) -> str:
    missing = [_module_cause(module, scene, text) for module in modules_not_found(text)]
    for cause in (Cause.SUFFIX_MISMATCH, Cause.INCOMPLETE_PYTHON):
        if cause in missing:
            return cause  # whatever was tried in place of that module
    found = find_message(text, LOADERS + PROGRAMS + PYTHON)
    if found is None:
        own = Cause.MISSING_LIBRARY if find_message(text, OWN_WORDS) else ""
        return next(filter(None, missing), own)
    row, match = found
    named = {key: value for key, value in match.groupdict().items() if value}
    return _told_apart(row.cause, named, scene) if scene else row.cause


def _told_apart(cause: Cause, named: dict[str, str], scene: _Scene) -> Cause:
    """Return the cause among those that share the message of ``cause``."""
    file = named.get("file") or named.get("library", "")
    match cause:
        case Cause.UNDEFINED_SYMBOL:
            foreign = scene.profile.musl and scene.is_for_glibc()
            return Cause.LIBC_FAMILY if foreign else Cause.UNDEFINED_SYMBOL
        case Cause.MISSING_LIBRARY | Cause.MISSING_LOADER if _is_other_libc(file, scene):
            return Cause.LIBC_FAMILY
        case Cause.MISSING_LIBRARY | Cause.UNREADABLE | Cause.WRONG_MACHINE:
            # A loader passes over an existing file of another machine as if it were missing.
            return _of_file(scene.member(file), cause, scene)
        case _:
            return cause


def _is_other_libc(library: str, scene: _Scene) -> bool:
    name = library.rpartition("/")[2]
    others = GLIBC_NAMES if scene.profile.musl else MUSL_NAMES
    return name.startswith(others) or (name == "libc.so" and not scene.profile.musl)


def _of_file(native: NativeMember | None, cause: Cause, scene: _Scene) -> Cause:
    if native is None:
        return cause
    if not isinstance(native.elf, ElfFacts):
        return Cause.UNREADABLE
    passport = scene.profile.passport
    here = (passport.elf_machine, passport.elf_bits, passport.elf_little)
    return cause if kind_of(native.elf) == here else Cause.WRONG_MACHINE


def _module_cause(module: str, scene: _Scene | None, text: str) -> str:
    """Return the cause of a module, or a name in one, that ``text`` says is not found."""
    if scene is None:
        return Cause.MISSING_DEPENDENCY
    layout, suffixes = scene.layout, scene.profile.passport.extension_suffixes
    if layout.members_of(module):
        return "" if layout.find(module, suffixes) else Cause.SUFFIX_MISMATCH
    top = module.partition(".")[0]
    if any(name.partition(".")[0] == top for name in layout.files):
        pure = layout.wheel.name.tag_part.endswith("-any")
        return Cause.NO_MODULE if pure else Cause.NO_EXTENSION
    if f"cannot import name '{module.rpartition('.')[2]}'" in text:
        return ""  # the other project is there, in a version without that name
    return _cause_elsewhere(top, scene.profile.python)


def _cause_elsewhere(top: str, python: tuple[int, ...]) -> Cause:
    """Return the cause of a module that is not the wheel's."""
    otherwise = Cause.INCOMPLETE_PYTHON if is_standard(top) else Cause.MISSING_DEPENDENCY
    return age_cause(top, python) or otherwise
