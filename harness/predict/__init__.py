"""Predictions: what a wheel's bytes and a target's passport alone say of a cell (pure).

Only names, archive directory and ELF headers are looked at; what a wheel's code does once it
runs is not, see ``limits``.
"""

from harness.model import Prediction
from harness.passport import Passport, Symbols
from harness.predict.ground import ground_of
from harness.predict.load import loads_of
from harness.predict.loading import judge_loads
from harness.predict.names import judge_names, look_up, remark
from harness.predict.outlook import Outlook
from harness.predict.shape import shape_of
from harness.predict.tags import judge_requires_python, judge_tags
from harness.predict.verdict import Cause
from harness.wheel.contents import WheelFacts

__all__ = ["Cause", "Outlook", "predict"]


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
    shape, ground = shape_of(wheel), ground_of(passport)
    refused = judge_tags(shape, ground) or judge_requires_python(shape, ground)
    if refused:
        return refused
    lookup = look_up(shape, passport.extension_suffixes, imports)
    if lookup.lost:
        return judge_names(shape, ground, lookup.lost)
    loads = loads_of(shape, lookup.loaded, musl=ground.musl)
    return judge_loads(shape, loads, ground, symbols) or remark(shape, lookup)
