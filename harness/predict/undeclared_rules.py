"""Predict that a wheel imports what it, its dependencies and the interpreter lack (pure).

Only import statements that run in any case count, and only where every wheel that is installed
beside it is known. Of what lies in an image besides Python, a passport names installers alone.
"""

import re
from collections.abc import Iterator, Sequence

from packaging.utils import canonicalize_name

from harness.core.causes import Cause
from harness.core.observations import Prediction
from harness.core.passport import Passport
from harness.core.standard_library import age_cause, is_standard
from harness.predict.explanation import Diagnosis, import_failed
from harness.predict.inferred_imports import plan_imports
from harness.predict.installed_layout import InstalledLayout, layout_of
from harness.wheels.archive.contents import WheelFacts

IN_IMAGES = frozenset({"_distutils_hack", "pip", "pkg_resources", "setuptools", "wheel"})
"""Modules of installers, which some images have beside Python."""
_NAMESPACE, _DISTUTILS = "-nspkg.pth", "distutils-precedence.pth"
"""Path files that declare a namespace package, and that make ``distutils`` that of setuptools."""
_PROJECT = re.compile(r"[\w.-]+")
_NATIVE = {
    name: f"_{name}" for name in ("bz2", "ctypes", "curses", "lzma", "sqlite3", "ssl", "tkinter")
}
"""Modules of Python that import their native module in any case."""
_PACKAGES = "https://packaging.python.org/en/latest/discussions/package-formats/"
_REMOVALS = "https://peps.python.org/pep-0594/"
_COMPLETE = "https://docs.python.org/3/library/index.html"
_REQUIRES = "https://packaging.python.org/en/latest/specifications/core-metadata/#requires-dist-multiple-use"


def predict_undeclared(
    wheel: WheelFacts,
    imports: tuple[str, ...],
    dependencies: Sequence[WheelFacts],
    passport: Passport,
) -> Prediction | None:
    """Return the failed import of the first module that no installed wheel has, if there is one.

    ``dependencies`` are all the wheels that are installed beside ``wheel``; ``imports`` are as
    for ``predict``. Nothing is known of what a ``.pth`` file adds.
    """
    layouts = [layout_of(each) for each in (wheel, *dependencies)]
    if any(_adds_modules(each.wheel, own=each is layouts[0]) for each in layouts):
        return None
    known = IN_IMAGES.difference(passport.lacks).union(*map(_tops, layouts))
    for module in _required(layouts[0], imports):
        own = wheel.sources.absent.get(module, "")
        if own and not any(each.members_of(own) or own in each.folders for each in layouts):
            return _absent(wheel, module, own)
        tops = (name.partition(".")[0] for name in wheel.sources.imports.get(module, ()))
        for top in (top for top in tops if top not in known):
            lacking = _lacking(top, passport, known)
            if lacking and _is_complete(layouts, top):
                return _missing(wheel, module, lacking, passport)
    return None


def _lacking(top: str, passport: Passport, known: set[str] | frozenset[str]) -> str:
    """Return the module that fails if no wheel has ``top``; empty if the interpreter has it.

    ``known`` are the modules of wheels and installers: setuptools brings ``distutils``.
    """
    if not is_standard(top):
        return top
    if age_cause(top, _version(passport)):
        return "" if top == "distutils" and "setuptools" in known else top
    return next((name for name in (top, _NATIVE.get(top, "")) if name in passport.lacks), "")


def _adds_modules(wheel: WheelFacts, *, own: bool) -> bool:
    """Whether it has a ``.pth`` file that may add modules; of its ``own`` more is doubted."""
    names = (member.name for member in wheel.members if "/" not in member.name)
    ends = _NAMESPACE if own else (_NAMESPACE, _DISTUTILS)
    return any(name.endswith(".pth") and not name.endswith(ends) for name in names)


def _is_complete(layouts: Sequence[InstalledLayout], top: str) -> bool:
    """Whether everything is installed that wheels require and that may have the module.

    A dependency without a wheel for the target is left out of predictions. Of a requirement with
    a marker only the name is compared.
    """
    installed = {layout.wheel.name.distribution for layout in layouts}
    for line in (line for layout in layouts for line in layout.wheel.requires_dist):
        wanted, _, marker = line.partition(";")
        found = _PROJECT.match(wanted)
        project = canonicalize_name(found.group()) if found else ""
        named = not marker.strip() or project.replace("-", "_") == top.casefold()
        if "extra" not in marker and project not in installed and named:
            return False
    return True


def _tops(layout: InstalledLayout) -> set[str]:
    return {name.partition(".")[0] for name in (*layout.files, *layout.folders)}


def _required(layout: InstalledLayout, imports: tuple[str, ...]) -> Iterator[str]:
    """Yield the modules whose failure is one of the wheel, each after its packages."""
    for name in plan_imports(layout, imports).required:
        parts = name.split(".")
        yield from (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _absent(wheel: WheelFacts, module: str, own: str) -> Prediction:
    pure = wheel.name.tag_part.endswith("-any")
    return import_failed(
        Cause.NO_MODULE if pure else Cause.NO_EXTENSION,
        file="",
        evidence=f"No module named '{own}'",
        explanation=(
            f"The import of {module} imports {own} in any case. {wheel.name.filename} has no file "
            "of it, with any suffix."
        ),
        diagnosis=Diagnosis(
            remedy="Name all packages and extension modules to the build backend, and look into "
            "the wheel before it is published.",
            reference=_PACKAGES,
        ),
    )


def _missing(wheel: WheelFacts, module: str, top: str, passport: Passport) -> Prediction:
    nobody = f"Neither {wheel.name.filename} nor a wheel that is installed beside it"
    if is_standard(top):
        nobody += f", nor this {passport.implementation} {passport.python},"
    otherwise = Cause.INCOMPLETE_PYTHON if is_standard(top) else Cause.MISSING_DEPENDENCY
    cause = age_cause(top, _version(passport)) or otherwise
    return import_failed(
        cause,
        file="",
        evidence=f"No module named '{top}'",
        explanation=f"The import of {module} imports {top} in any case. {nobody} has that module.",
        diagnosis=_diagnosis(cause, top, passport.minor),
    )


def _diagnosis(cause: Cause, top: str, python: str) -> Diagnosis:
    match cause:
        case Cause.PYTHON_TOO_NEW:
            return Diagnosis(
                why=f"Python {python} is later than the last one that has {top}.",
                remedy="Replace that module, or name a project that has it in Requires-Dist.",
                reference=_REMOVALS,
            )
        case Cause.PYTHON_TOO_OLD:
            return Diagnosis(
                why=f"Python {python} is earlier than the first one that has {top}.",
                remedy="Name its backport in Requires-Dist, or raise requires-python.",
                reference=_COMPLETE,
            )
        case Cause.INCOMPLETE_PYTHON:
            remedy = (
                "Install the distribution's package of that module of Python, or do without it."
            )
            return Diagnosis(remedy=remedy, reference=_COMPLETE)
        case _:
            return Diagnosis(
                remedy=f"Name the project that has {top} in Requires-Dist, or do without it.",
                reference=_REQUIRES,
            )


def _version(passport: Passport) -> tuple[int, ...]:
    return tuple(map(int, passport.minor.split(".")))
