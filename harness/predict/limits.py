"""The limits of predictions, each with its reason and the disagreements it explains."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Observation, Prediction

OPTIONAL = {
    "aiohttp": ("aiohttp.*",),
    "charset-normalizer": ("charset_normalizer.*",),
    "coverage": ("coverage.tracer",),
    "frozenlist": ("frozenlist.*",),
    "immutables": ("immutables._map",),
    "lazy-object-proxy": ("lazy_object_proxy.cext",),
    "markupsafe": ("markupsafe._speedups",),
    "msgpack": ("msgpack._cmsgpack",),
    "multidict": ("multidict._multidict",),
    "propcache": ("propcache.*",),
    "protobuf": ("google._upb._message",),
    "pyyaml": ("yaml._yaml", "_yaml"),
    "rapidfuzz": ("rapidfuzz.*",),
    "simplejson": ("simplejson._speedups",),
    "sqlalchemy": ("sqlalchemy.cyextension.*",),
    "websockets": ("websockets.speedups",),
    "wrapt": ("wrapt._wrappers",),
    "zope-interface": ("zope.interface._zope_interface_coptimizations",),
}
"""Project → globs of optional extension modules.

Each is imported in a ``try`` with a fallback. Names and ELF files do not show whether a module
is optional.
"""


def is_optional(distribution: str, module: str) -> bool:
    """Whether the project works without ``module``, but slower."""
    return any(fnmatchcase(module, glob) for glob in OPTIONAL.get(distribution, ()))


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictionLimit:
    """One cause of wrong predictions."""

    id: str
    reason: str
    covers: Callable[[Observation, Prediction, tuple[str, ...]], bool]
    """Whether it explains a disagreement; the third argument is the subject's imports."""


def _runs_and_fails(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    ran = seen.stage is Stage.CALL or seen.outcome in (Outcome.CRASHED, Outcome.TIMEOUT)
    return predicted.outcome is Outcome.PASS and ran


def _dependency_fails(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    return predicted.outcome is Outcome.PASS and seen.evidence.startswith("dependency ")


def _needs_another(seen: Observation, predicted: Prediction, imports: tuple[str, ...]) -> bool:
    found = re.search(r"No module named '(?P<top>\w+)", seen.evidence)
    own = {module.partition(".")[0] for module in imports}
    return predicted.outcome is Outcome.PASS and found is not None and found["top"] not in own


def _fails_in_python(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    raised = re.match(r"(?P<type>[A-Za-z_.]+):", seen.evidence)
    loader = ("ImportError", "ModuleNotFoundError", "OSError")
    in_python = raised is not None and raised["type"] not in loader
    return predicted.outcome is Outcome.PASS and seen.stage is Stage.IMPORT and in_python


def _loads_all_the_same(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    return predicted.cause == Cause.UNREADABLE and seen.outcome is Outcome.PASS


PREDICTION_LIMITS = (
    PredictionLimit(
        id="code-that-runs",
        reason="what code does once it runs (a call, a crash, a timeout) is not in its headers",
        covers=_runs_and_fails,
    ),
    PredictionLimit(
        id="dependencies",
        reason="whether a package needs a dependency that fails is in its code, which is not read",
        covers=_dependency_fails,
    ),
    PredictionLimit(
        id="other-projects",
        reason="what a package imports from other projects is in its code, which is not read",
        covers=_needs_another,
    ),
    PredictionLimit(
        id="python-code",
        reason="what Python code raises during import is not read from it",
        covers=_fails_in_python,
    ),
    PredictionLimit(
        id="reader",
        reason="the ELF reader needs section headers, which a loader does not",
        covers=_loads_all_the_same,
    ),
)


def limit_of(seen: Observation, imports: tuple[str, ...]) -> PredictionLimit | None:
    """Return the limit that explains why ``seen`` differs from its prediction, if any."""
    predicted = seen.prediction
    if predicted is None:
        return None
    return next(
        (limit for limit in PREDICTION_LIMITS if limit.covers(seen, predicted, imports)), None
    )
