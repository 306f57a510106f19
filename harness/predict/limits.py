"""The limits of predictions, each with its reason and the disagreements it explains."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Observation, Prediction

DEPENDENCY = "dependency "
"""How the evidence of a dependency's failure begins; that of a wheel begins with an exception."""
OPENED_FIRST = "its own code must open it first"
"""What a prediction says of a library that only the package itself can make known."""
UNREPORTED = "the process exited with status "
"""How the evidence begins if a module ended the interpreter."""
NOT_NEEDED = "is not found, but optional"
"""What a prediction says of modules that the wheel's code tries to import and goes on without."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictionLimit:
    """One cause of wrong predictions."""

    id: str
    reason: str
    covers: Callable[[Observation, Prediction, tuple[str, ...]], bool]
    """Whether it explains a disagreement; the third argument is what the subject imports, empty
    if that is inferred."""


def _runs_and_fails(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    by_itself = (
        seen.outcome in (Outcome.CRASHED, Outcome.TIMEOUT)
        or seen.cause in (Cause.SIGNAL, Cause.ENDLESS_OUTPUT)
        or seen.evidence.startswith(UNREPORTED)
    )
    # An allocator for another page size stops a program that a loader could map.
    stopped = seen.cause == Cause.PAGE_SIZE and "killed by SIG" in seen.evidence
    # Py_mod_gil is a slot that the module's init function returns.
    gil = seen.cause == Cause.GIL_ENABLED
    ran = seen.stage is Stage.CALL or by_itself or stopped or gil
    return predicted.outcome is Outcome.PASS and ran


def _dependency_fails(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    if predicted.evidence.startswith(DEPENDENCY):
        return seen.outcome is Outcome.PASS
    return predicted.outcome is Outcome.PASS and seen.evidence.startswith(DEPENDENCY)


def _needs_another(seen: Observation, predicted: Prediction, given: tuple[str, ...]) -> bool:
    found = re.search(r"No module named '(?P<top>\w+)", seen.evidence)
    if seen.cause == Cause.MISSING_LIBRARY:
        return False  # the module was an alternative to it
    own = {module.partition(".")[0] for module in (*seen.imports, *given)}
    return predicted.outcome is Outcome.PASS and found is not None and found["top"] not in own


def _fails_in_python(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    raised = re.match(r"(?P<type>[A-Za-z_][\w.]*):", seen.evidence)
    if raised is None or predicted.outcome is not Outcome.PASS or seen.stage is not Stage.IMPORT:
        return False
    own = raised["type"] not in ("ImportError", "ModuleNotFoundError", "OSError")
    return own or (not seen.cause and ".so" not in seen.evidence)


def _loads_all_the_same(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    return predicted.cause == Cause.UNREADABLE and seen.outcome is Outcome.PASS


def _opened_first(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    told = predicted.outcome is Outcome.PASS and OPENED_FIRST in predicted.evidence
    return told and seen.cause in (Cause.MISSING_LIBRARY, Cause.UNDEFINED_SYMBOL)


def _substitute(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    told = predicted.outcome is Outcome.PASS and NOT_NEEDED in predicted.evidence
    return told and seen.cause == Cause.SUFFIX_MISMATCH


def _opened_by_code(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    opened = seen.evidence.startswith("OSError:") and seen.cause == Cause.MISSING_LIBRARY
    return predicted.outcome is Outcome.PASS and opened


def _opened_late(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    outcomes = {seen.outcome, predicted.outcome}
    return Outcome.LOAD_FAILED in outcomes and Outcome.PASS in outcomes


def _command(seen: Observation, predicted: Prediction, _: tuple[str, ...]) -> bool:
    calls = re.match(r"[\w.]+:[\w.]+: \w+: ", seen.evidence) is not None
    return predicted.outcome is Outcome.PASS and seen.stage is Stage.START and calls


def _not_imported(seen: Observation, predicted: Prediction, given: tuple[str, ...]) -> bool:
    stem = predicted.file.partition(".")[0].replace("/", ".")
    failed = predicted.stage is Stage.IMPORT and predicted.outcome is not Outcome.PASS
    return not given and failed and seen.outcome is Outcome.PASS and stem not in ("", *seen.imports)


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
        reason="what a package imports in a condition, or from beside Python, is not read",
        covers=_needs_another,
    ),
    PredictionLimit(
        id="python-code",
        reason="what Python code raises during import is not read from it",
        covers=_fails_in_python,
    ),
    PredictionLimit(
        id="opened-first",
        reason="which libraries a package opens before its modules is in its code",
        covers=_opened_first,
    ),
    PredictionLimit(
        id="substitutes",
        reason="whether a package works without a module that it tries to import is in its code",
        covers=_substitute,
    ),
    PredictionLimit(
        id="opened-by-code",
        reason="which libraries of the system Python code opens is not read from it",
        covers=_opened_by_code,
    ),
    PredictionLimit(
        id="opened-late",
        reason="which of its libraries a package opens, and after which others, is in its code",
        covers=_opened_late,
    ),
    PredictionLimit(
        id="commands",
        reason="whether a module has what a command calls is in its code, which is not read",
        covers=_command,
    ),
    PredictionLimit(
        id="not-imported",
        reason="the module that is predicted to fail was not imported",
        covers=_not_imported,
    ),
    PredictionLimit(
        id="reader",
        reason="the ELF reader needs section headers, which a loader does not",
        covers=_loads_all_the_same,
    ),
)


def limit_of(seen: Observation, given: tuple[str, ...]) -> PredictionLimit | None:
    """Return the limit that explains why ``seen`` differs from its prediction, if any."""
    predicted = seen.prediction
    if predicted is None:
        return None
    return next(
        (limit for limit in PREDICTION_LIMITS if limit.covers(seen, predicted, given)), None
    )
