"""Predictions: what a wheel's bytes and a target's passport alone say of a cell (pure).

Only names, archive directory and ELF headers are looked at; what a wheel's code does once it
runs is not, see ``limits``.
"""

from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.predict.cell_prediction import CellPrediction
from harness.predict.installed_layout import shape_of
from harness.predict.load_closure import loads_of
from harness.predict.load_rules import judge_loads
from harness.predict.suffix_rules import judge_names, look_up, remark
from harness.predict.tag_rules import judge_requires_python, judge_tags
from harness.predict.target_profile import profile_of
from harness.wheels.archive.contents import WheelFacts

__all__ = ["CellPrediction", "predict"]


def predict(
    wheel: WheelFacts,
    passport: Passport,
    symbols: Symbols,
    *,
    imports: tuple[str, ...] = (),
) -> Prediction:
    """Say whether ``wheel`` installs and ``imports`` import on a target, and why not.

    Without ``imports``, every extension module of the wheel is to import. ``symbols`` gives
    the symbol sets that the passport names.
    """
    shape, profile = shape_of(wheel), profile_of(passport)
    refused = judge_tags(shape, profile) or judge_requires_python(shape, profile)
    if refused:
        return refused
    lookup = look_up(shape, passport.extension_suffixes, imports)
    if lookup.lost:
        return judge_names(shape, profile, lookup.lost)
    loads = loads_of(shape, lookup.loaded, musl=profile.musl)
    return judge_loads(shape, loads, profile, symbols) or remark(shape, lookup)
