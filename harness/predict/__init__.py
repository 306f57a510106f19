"""Predict a cell from a wheel's facts and a target's passport (pure).

Only names, the archive directory and ELF headers are read. ``limits`` lists what that cannot
predict.
"""

from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.predict.archive_rules import predict_findings, predict_requirements
from harness.predict.cell_prediction import CellPrediction
from harness.predict.inferred_imports import plan_imports
from harness.predict.installed_layout import layout_of
from harness.predict.late_plan import programs_of
from harness.predict.late_rules import predict_late
from harness.predict.load_closure import load_groups
from harness.predict.load_rules import predict_loads
from harness.predict.module_rules import (
    opened_globally,
    predict_bytecode,
    predict_nothing,
    predict_payload,
    predict_uninitialized,
    remark,
    without_init_function,
)
from harness.predict.suffix_rules import predict_missing_module, resolve_imports
from harness.predict.tag_rules import predict_requires_python, predict_tags
from harness.predict.target_profile import profile_of
from harness.wheels.archive.contents import WheelFacts

__all__ = ["CellPrediction", "predict"]


def predict(
    wheel: WheelFacts,
    passport: Passport,
    symbols: Symbols,
    *,
    imports: tuple[str, ...] = (),
    late: bool = True,
    beside: frozenset[str] = frozenset(),
) -> Prediction:
    """Predict whether ``wheel`` installs on a target and its ``imports`` import.

    Without ``imports``, what ``plan_imports`` infers must import. ``symbols`` returns the symbol
    sets that the passport names. Without ``late``, only the imports count, and not the libraries
    that the wheel opens itself, nor its programs. ``beside`` are the names of the libraries in its
    dependencies.
    """
    layout, profile = layout_of(wheel), profile_of(passport)
    refused = predict_tags(layout, profile) or predict_requires_python(layout, profile)
    if refused := refused or predict_findings(wheel) or predict_requirements(wheel, profile):
        return refused
    plan = plan_imports(layout, imports)
    if not plan.names and not programs_of(layout):
        return predict_nothing(wheel)
    resolution = resolve_imports(
        layout, passport.extension_suffixes, plan.names, inferred=not imports
    )
    if resolution.missing:
        return predict_missing_module(layout, profile, resolution.missing)
    uninitialized = without_init_function(layout, passport.extension_suffixes, plan.required)
    loaded = (*resolution.loaded, *uninitialized.values())
    loads = load_groups(layout, loaded, musl=profile.musl)
    guarded = frozenset[str]() if imports else wheel.sources.guarded
    failed = predict_bytecode(layout, profile, plan.required)
    failed = failed or predict_loads(loads, profile, symbols, guarded=guarded, beside=beside)
    opened = opened_globally(layout, failed)
    failed = None if opened else failed
    failed = failed or predict_uninitialized(uninitialized) or predict_payload(layout)
    if late and not failed:
        failed = predict_late(layout, profile, symbols)
    return failed or opened or remark(layout, resolution, loads)
