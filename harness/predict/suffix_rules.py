"""Rules about finding modules by the interpreter's suffix list.

Source of the order: ``importlib/_bootstrap_external.py``, FileFinder.find_spec; of the
lists: ``Python/dynload_shlib.c`` and what distributions change in it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.core.causes import Cause
from harness.core.observations import Prediction
from harness.predict.explanation import Diagnosis, import_failed
from harness.predict.installed_layout import InstalledLayout
from harness.predict.target_profile import TargetProfile

_LISTS = "https://docs.python.org/3/library/importlib.html#importlib.machinery.EXTENSION_SUFFIXES"
_MUSL = "https://bugs.python.org/issue43112"
_FEDORA = "https://fedoraproject.org/wiki/Changes/Python_Upstream_Architecture_Names"
_ABI3_TRIPLET = "https://github.com/pypa/setuptools/issues/5193"
_FREE_THREADED = "https://peps.python.org/pep-0703/"
_FORMAT = "https://packaging.python.org/en/latest/specifications/binary-distribution-format/"
_VERSIONED = re.compile(r"\.cpython-(?P<python>\d+)(?P<flags>[a-z]*)(?:-(?P<triplet>.+))?\.so")
_STABLE = re.compile(r"\.abi3t?-(?P<triplet>.+)\.so")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportResolution:
    """The result of looking for a subject's modules."""

    loaded: tuple[str, ...] = ()
    """ELF members that are loaded, in the order of their modules."""
    missing: str = ""
    """The first required module that is not found."""
    optional: tuple[str, ...] = ()
    """Modules that are not found, and that the wheel's code goes on without."""


@lru_cache(maxsize=1 << 16)
def resolve_imports(
    layout: InstalledLayout,
    suffixes: tuple[str, ...],
    imports: tuple[str, ...],
    *,
    inferred: bool = False,
) -> ImportResolution:
    """Find every module that ``imports`` need, with that suffix list.

    ``inferred``: they are what ``plan_imports`` infers, and hold all that must be found.
    """
    loaded: list[str] = []
    optional: list[str] = []
    for module in imports if inferred else needed(layout, imports):
        found = layout.find(module, suffixes)
        # A folder of stubs beside an unread extension imports as an empty namespace, which is
        # useless to the importer (cryptography's _rust).
        if found is None or (not found and module in layout.extensions):
            named = module in imports and not inferred
            if not named and module in layout.wheel.sources.guarded:
                optional.append(module)
                continue
            return ImportResolution(loaded=tuple(loaded), missing=module, optional=tuple(optional))
        if found in layout.natives:
            loaded.append(found)
    return ImportResolution(loaded=tuple(dict.fromkeys(loaded)), optional=tuple(optional))


def needed(layout: InstalledLayout, imports: tuple[str, ...]) -> Iterator[str]:
    """Yield the modules that must be found for ``imports``, each after its packages.

    If no import is an extension module itself, all extension modules of the wheel are required:
    the package's code is not read.
    """
    for module in imports:
        if _is_ours(layout, module):
            parts = module.split(".")
            yield from (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    if not set(imports).intersection(layout.extensions):
        yield from layout.extensions


def predict_missing_module(
    layout: InstalledLayout, profile: TargetProfile, module: str
) -> Prediction:
    """Return the failure of ``module``, which is not found."""
    found = layout.members_of(module)
    if not found:
        return _absent(layout, module)
    suffixes = profile.passport.extension_suffixes
    held, file = sorted(found), found[min(found)]
    return import_failed(
        Cause.SUFFIX_MISMATCH,
        file=file,
        evidence=f"{_names(module, held)}; the interpreter reads {' '.join(suffixes)}",
        explanation=(
            f"The wheel has the module {module} only as {_names(module, held)}. "
            f"{profile.title} looks for these suffixes, in this order: "
            f"{' '.join(suffixes)}. None of them matches the file."
        ),
        diagnosis=_diagnose_suffix(held[0], profile),
    )


def _is_ours(layout: InstalledLayout, module: str) -> bool:
    """Whether the wheel must have ``module``: by its top level, or without dependencies."""
    top = module.partition(".")[0]
    ours = top in layout.files or f"{top}.__init__" in layout.files or top in layout.folders
    return ours or (not layout.wheel.requires_dist and not layout.wheel.modules)


def _absent(layout: InstalledLayout, module: str) -> Prediction:
    native = f"{len(layout.natives)} native files" if layout.natives else "no native files"
    pure = layout.wheel.name.tag_part.endswith("-any")
    return import_failed(
        Cause.NO_MODULE if pure else Cause.NO_EXTENSION,
        file="",
        evidence=f"no file of the wheel is {module}; it has {native}",
        explanation=(
            f"{layout.wheel.name.filename} has no file of the module {module}, with any "
            f"suffix. The wheel has {native}, and its tag is {layout.wheel.name.tag_part}."
        ),
        diagnosis=Diagnosis(
            remedy="Build the wheel with all of its packages and extension modules.",
            reference=_FORMAT,
        ),
    )


def _names(module: str, suffixes: Sequence[str]) -> str:
    stem = module.rpartition(".")[2]
    return " and ".join(stem + suffix for suffix in suffixes)


def _diagnose_suffix(held: str, profile: TargetProfile) -> Diagnosis:
    own = profile.passport.ext_suffix
    both = f"Store the file under {own} too, or under plain .so, which every interpreter reads."
    if _STABLE.fullmatch(held):
        return Diagnosis(
            why="CPython 3.15 builds stable-ABI modules with a triplet in the name, which "
            "older upstream Pythons do not read.",
            remedy="Name the file .abi3.so, which 3.15 reads too.",
            reference=_ABI3_TRIPLET,
        )
    theirs, ours = _VERSIONED.fullmatch(held), _VERSIONED.fullmatch(own)
    if theirs is None or ours is None:
        return Diagnosis(remedy=both, reference=_LISTS)
    if theirs["python"] != ours["python"]:
        return Diagnosis(
            why="The file is for another version of CPython.",
            remedy="Build one for this version, or an .abi3.so of the stable ABI for all.",
            reference=_LISTS,
        )
    if theirs["flags"] != ours["flags"]:
        return Diagnosis(
            why=f"The file is for another build of CPython (ABI flags {theirs['flags']!r}, here "
            f"{ours['flags']!r}).",
            remedy="Build a wheel for this ABI too.",
            reference=_FREE_THREADED,
        )
    return _diagnose_triplets(theirs["triplet"] or "", ours["triplet"] or "", both)


def _diagnose_triplets(theirs: str, ours: str, both: str) -> Diagnosis:
    if ("musl" in theirs) is not ("musl" in ours):
        return Diagnosis(
            why="On musl, upstream's CPython has -gnu in its names up to 3.10 and -musl from 3.11 "
            "on, and distributions patched both. The tag is the same.",
            remedy=both,
            reference=_MUSL,
        )
    if theirs != ours:
        return Diagnosis(
            why=f"The interpreter's distribution uses {ours}, the wheel's builder {theirs}: "
            "Fedora and RHEL used RPM's names of this architecture.",
            remedy=both,
            reference=_FEDORA,
        )
    return Diagnosis(remedy=both, reference=_LISTS)
