"""Predict that a wheel fails with its dependencies: theirs do not import, or not fit it (pure).

Only import statements that run in any case count: a package may do without a dependency that it
imports in a function, in a condition, or in a ``try`` with an alternative.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.predict import predict
from harness.predict.archive_rules import predict_findings
from harness.predict.explanation import Diagnosis, import_failed
from harness.predict.inferred_imports import plan_imports
from harness.predict.installed_layout import InstalledLayout, extension, layout_of
from harness.predict.limits import DEPENDENCY
from harness.wheels.archive.contents import WheelFacts

_SECOND_ARRAY_API = "numpy._core.include.numpy"
"""Where the headers of the second C API lie; those of the first are in ``numpy.core``."""
_ARRAY_API = "https://numpy.org/doc/stable/dev/depending_on_numpy.html"


def predict_dependencies(
    wheel: WheelFacts,
    imports: tuple[str, ...],
    dependencies: Sequence[WheelFacts],
    passport: Passport,
    symbols: Symbols,
) -> Prediction | None:
    """Return the failure of the first dependency that does not install or import, if one is.

    ``dependencies`` are the wheels that are installed beside ``wheel``; ``imports`` are as for
    ``predict``.
    """
    for dependency in dependencies:
        if failed := predict_findings(dependency):
            return _of_dependency(failed, dependency, "Its installer installs")
    layouts = [layout_of(dependency) for dependency in dependencies]
    if failed := _array_abi(wheel, imports, layouts):
        return failed
    for layout, names in _reached(layout_of(wheel), imports, layouts):
        if modules := _loaded(layout, names):
            failed = predict(layout.wheel, passport, symbols, imports=modules, late=False)
            if failed.outcome is not Outcome.PASS:
                return _of_dependency(failed, layout.wheel, f"{wheel.name.release} imports")
    return None


def _array_abi(
    wheel: WheelFacts, imports: tuple[str, ...], others: Sequence[InstalledLayout]
) -> Prediction | None:
    """Find a module that was compiled for NumPy's first C API, beside the second one."""
    second = next((each.wheel for each in others if _SECOND_ARRAY_API in each.folders), None)
    if second is None:
        return None
    beside, planned = second.name.release, plan_imports(layout_of(wheel), imports).names
    for native in wheel.native:
        module = extension(native)
        if native.array_abi == 1 and module in planned and module not in wheel.sources.guarded:
            return import_failed(
                Cause.ABI_MISMATCH,
                file=native.name,
                evidence=f"it is compiled for the C API of NumPy 1; beside it is {beside}",
                explanation=(
                    f"{native.name} calls import_array as the headers of NumPy 1 have it. Modules "
                    f"of NumPy 1 do not run with the C API of NumPy 2, and {beside} is what the "
                    f"requirements of {wheel.name.release} resolve to."
                ),
                diagnosis=Diagnosis(
                    remedy="Compile it with NumPy 2, whose modules run with both, or require "
                    "numpy<2.",
                    reference=_ARRAY_API,
                ),
            )
    return None


def _of_dependency(failed: Prediction, dependency: WheelFacts, who: str) -> Prediction:
    release = dependency.name.release
    return replace(
        failed,
        evidence=f"{DEPENDENCY}{release}: {failed.evidence}",
        explanation=f"{who} {release}, a dependency. {failed.explanation}",
    )


def _reached(
    layout: InstalledLayout, imports: tuple[str, ...], others: Sequence[InstalledLayout]
) -> list[tuple[InstalledLayout, list[str]]]:
    """Return the dependencies that are imported in any case, each with the modules imported."""
    wheels = [layout, *others]
    found: dict[int, list[str]] = {}
    names = plan_imports(layout, imports).names
    seen = dict.fromkeys(prefix for name in names for prefix in _prefixes(name))
    waiting = list(seen)
    for name in waiting:
        place = next((at for at, each in enumerate(wheels) if each.members_of(name)), None)
        if place is not None:
            found.setdefault(place, []).append(name)
            new = [n for n in _imported_by(wheels[place], name) if n not in seen]
            seen.update(dict.fromkeys(new))
            waiting += new
    return [(wheels[place], found[place]) for place in found if place]


def _imported_by(layout: InstalledLayout, module: str) -> Iterator[str]:
    yield from layout.wheel.sources.imports.get(module, ())
    for member in layout.members_of(module).values():
        if member in layout.natives:
            yield from layout.natives[member].imports


def _loaded(layout: InstalledLayout, names: Iterable[str]) -> tuple[str, ...]:
    """Return the extension modules that the import of ``names`` loads.

    If none of them is known to be loaded, it is every one that the package has no substitute for.
    """
    reached = [name for name in names if name in layout.extensions]
    planned = [name for name in plan_imports(layout).names if name in layout.extensions]
    guarded = layout.wheel.sources.guarded
    return tuple(name for name in reached or planned if name not in guarded)


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
