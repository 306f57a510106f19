"""Predict that a dependency's own modules fail where a wheel imports it (pure).

Only import statements that run in any case count: a package may do without a dependency that it
imports in a function, in a condition, or in a ``try`` with an alternative.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from harness.core.cells import Outcome
from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.predict import predict
from harness.predict.archive_rules import predict_findings
from harness.predict.inferred_imports import plan_imports
from harness.predict.installed_layout import InstalledLayout, layout_of
from harness.predict.limits import DEPENDENCY, is_optional
from harness.wheels.archive.contents import WheelFacts


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
    for layout, names in _reached(layout_of(wheel), imports, layouts):
        if modules := _loaded(layout, names):
            failed = predict(layout.wheel, passport, symbols, imports=modules, late=False)
            if failed.outcome is not Outcome.PASS:
                return _of_dependency(failed, layout.wheel, f"{wheel.name.release} imports")
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
    distribution, guarded = layout.wheel.name.distribution, layout.wheel.sources.guarded
    reached = [name for name in names if name in layout.extensions]
    planned = [name for name in plan_imports(layout).names if name in layout.extensions]
    return tuple(
        name
        for name in reached or planned
        if name not in guarded and not is_optional(distribution, name)
    )


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
