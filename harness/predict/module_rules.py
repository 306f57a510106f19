"""Rules about what a wheel has to import, and remarks on wheels that pass."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from harness.core.causes import Cause
from harness.core.observations import Prediction
from harness.predict.explanation import PASS, Diagnosis, import_failed, passing
from harness.predict.installed_layout import InstalledLayout, init_function, starts
from harness.predict.limits import NOT_NEEDED, OPENED_FIRST
from harness.predict.load_closure import LoadGroup
from harness.predict.suffix_rules import ImportResolution
from harness.predict.target_profile import TargetProfile
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.elf import ElfFacts

NOTHING = "the wheel has no module that can be imported"
_STUBS = "https://peps.python.org/pep-0561/"
_FORMAT = "https://packaging.python.org/en/latest/specifications/binary-distribution-format/"
_TAGS = "https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/"
_INIT = "https://docs.python.org/3/c-api/extension-modules.html"
_SOURCELESS = "https://peps.python.org/pep-3147/#case-4-legacy-pyc-files-and-source-less-imports"
_BYTECODE_OF = {
    62211: (2, 7),
    3379: (3, 6),
    3394: (3, 7),
    3413: (3, 8),
    3425: (3, 9),
    3439: (3, 10),
    3495: (3, 11),
    3531: (3, 12),
    3571: (3, 13),
    3627: (3, 14),
}
"""Magic number of bytecode → the final releases of CPython that read it
(``Include/internal/pycore_magic_number.h``; ``Lib/importlib/_bootstrap_external.py`` up to 3.13).
"""


_BUILD = "Build it with its packages, or name what to import with --import."
_LEAVE = "leave it out of the check, or declare the cause no-module with --expect."


class _Instead(NamedTuple):
    """What a wheel without modules has, and what to do about it."""

    words: str = ""
    remedy: str = _BUILD


def _instead(wheel: WheelFacts) -> _Instead:
    names = [member.name for member in wheel.members]
    if any(name.partition("/")[0].endswith("-stubs") for name in names):
        return _Instead(
            f"it has type stubs ({_STUBS})",
            f"Nothing is wrong with it if only type checkers are to read it; {_LEAVE}",
        )
    if any(".data/scripts/" in name for name in names):
        return _Instead("it has scripts")
    if all(".dist-info/" in name for name in names):
        if wheel.requires_dist:
            what = "Nothing is wrong with it if it is to install other projects; check those, and"
            return _Instead("it only requires other projects", f"{what} {_LEAVE}")
        return _Instead("it is empty")
    return _Instead()


def nothing_in(wheel: WheelFacts) -> str:
    """Return that a wheel has nothing to import, and what it has instead if that is known.

    Stubs alone (PEP 561) and requirements alone are no defect, and no pass either: nothing of them
    can be tried, and a wheel that lost its modules looks the same to its users.
    """
    words = _instead(wheel).words
    return f"{NOTHING}: {words}" if words else NOTHING


def predict_nothing(wheel: WheelFacts) -> Prediction:
    """Return the failure of a wheel without any module."""
    return import_failed(
        Cause.NO_MODULE,
        file="",
        evidence=nothing_in(wheel),
        explanation=(
            f"{wheel.name.filename} installs {len(wheel.members)} files, and none of them is a "
            "Python module or an extension module outside of test, document and script folders."
        ),
        diagnosis=Diagnosis(remedy=_instead(wheel).remedy, reference=_FORMAT),
    )


def predict_payload(layout: InstalledLayout) -> Prediction | None:
    """Find a wheel for any platform that has its library for another platform only."""
    sources, name = layout.wheel.sources, layout.wheel.name
    if not sources.lacks or layout.natives or not name.tag_part.endswith("-any"):
        return None
    return import_failed(
        Cause.MISSING_LIBRARY,
        file=sources.instead,
        evidence=f"its code names {sources.lacks}, and it has only {sources.instead}",
        explanation=(
            f"The tag {name.tag_part} of {name.filename} is for any platform. Its Python code "
            f"opens {sources.lacks}, which it lacks; {sources.instead} is for another platform."
        ),
        diagnosis=Diagnosis(
            remedy="Tag it for the platform of its library, and build one for Linux.",
            reference=_TAGS,
        ),
    )


def without_init_function(
    layout: InstalledLayout, suffixes: tuple[str, ...], required: tuple[str, ...]
) -> dict[str, str]:
    """Return module → member of ``required`` and of what they import, if that starts no module.

    A file that cannot be read is one too: its name decides that it is loaded.
    """
    found: dict[str, str] = {}
    for name in required:
        for module in (name, *layout.wheel.sources.imports.get(name, ())):
            member = layout.find(module, suffixes) or ""
            if member in layout.natives:
                elf = layout.natives[member].elf
                if not isinstance(elf, ElfFacts) or not starts(elf, module.rpartition(".")[2]):
                    found[module] = member
    return found


def predict_uninitialized(modules: Mapping[str, str]) -> Prediction | None:
    """Return the failure of the first of these modules, whose files have no init function."""
    for module, member in modules.items():
        function = init_function(module.rpartition(".")[2])
        return import_failed(
            Cause.NO_INIT_FUNCTION,
            file=member,
            evidence=f"it does not export {function}",
            explanation=(
                f"{member} has the name of the module {module}, which is imported in any case. "
                f"It does not export {function}, by which Python starts a module."
            ),
            diagnosis=Diagnosis(
                remedy="Give the module one name in the source, the build and the file, and do "
                "not hide its symbols.",
                reference=_INIT,
            ),
        )
    return None


def predict_bytecode(
    layout: InstalledLayout, profile: TargetProfile, required: Sequence[str]
) -> Prediction | None:
    """Find a required module, or a package of one, that is bytecode of another CPython alone.

    Nothing is said of a magic number that is none of a final release, nor of PyPy.
    """
    magic = dict(layout.wheel.bytecode)
    if not magic or profile.passport.implementation not in ("", "CPython"):
        return None
    for module in required:
        parts = module.split(".")
        for depth in range(1, len(parts) + 1):
            name = ".".join(parts[:depth])
            file = layout.find(name, profile.passport.extension_suffixes) or ""
            version = _BYTECODE_OF.get(magic.get(file, 0), profile.python)
            if version != profile.python:
                return _other_bytecode(layout, profile, file, ".".join(map(str, version)))
    return None


def _other_bytecode(
    layout: InstalledLayout, profile: TargetProfile, file: str, version: str
) -> Prediction:
    return import_failed(
        Cause.BYTECODE,
        file=file,
        evidence=f"{file} is bytecode of Python {version}; this is {profile.passport.minor}",
        explanation=(
            f"{layout.wheel.name.filename} has {file} without its source. It is bytecode of "
            f"CPython {version}, and {profile.title} reads its own alone."
        ),
        diagnosis=Diagnosis(
            remedy="Ship the source, or tag the wheel for one version of CPython: "
            f"cp{version.replace('.', '')}-none-any.",
            reference=_SOURCELESS,
        ),
    )


def opened_globally(layout: InstalledLayout, failed: Prediction | None) -> Prediction | None:
    """Return a pass with a remark, instead of undefined symbols that the package may bring itself.

    It opens a library with RTLD_GLOBAL, perhaps one of another wheel, whose symbols its modules
    then find. Those of Python are in no such library.
    """
    undefined = failed is not None and failed.cause == Cause.UNDEFINED_SYMBOL
    if failed is None or not undefined or not layout.wheel.sources.opens_globally:
        return None
    if failed.evidence.startswith(("undefined: Py", "undefined: _Py")):
        return None
    return passing(f"{failed.evidence}; what defines them, {OPENED_FIRST}")


def remark(
    layout: InstalledLayout, resolution: ImportResolution, loads: Sequence[LoadGroup]
) -> Prediction:
    """Return a pass, with a remark on what is missing, opened first or tagged wrongly."""
    if resolution.optional:
        return passing(f"{', '.join(resolution.optional)} {NOT_NEEDED}")
    if opened := next((load.preloaded for load in loads if load.preloaded), ""):
        return passing(f"{opened} is in the wheel, but on no search path: {OPENED_FIRST}")
    name = layout.wheel.name
    pure = name.tag_part.endswith("-any")
    if layout.natives and pure:
        return passing(f"{name.tag_part} is for any machine, but {min(layout.natives)} is native")
    if not layout.natives and not pure:
        return passing(f"{name.tag_part} is for native code, but the wheel has none")
    tied = [member for member in resolution.loaded if ".cpython-" in member.rpartition("/")[2]]
    if tied and all(tag.split("-")[1] in ("abi3", "none") for tag in name.tags):
        return passing(
            f"{name.tag_part} is for later versions of Python too, but {tied[0]} is for one"
        )
    return PASS
