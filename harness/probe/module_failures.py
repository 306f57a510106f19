"""Decide which failed imports of submodules are failures of the wheel (pure).

A file that the loader refuses, and an extension module of the wheel that the interpreter does not
find, are. What Python code raises is a finding: a submodule may need another project that is
optional, or a state that its package makes.
"""

from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.predict.inferred_imports import ImportPlan
from harness.predict.module_rules import NOTHING
from harness.predict.symbol_rules import GLIBC_NAMES, MUSL_NAMES
from harness.probe.jobs import Job, ProbeResult
from harness.probe.message_causes import (
    LOADERS,
    find_message,
    modules_not_found,
    says_unloadable,
)

_NO_PLAN = ImportPlan()
_AFTER_IMPORT = frozenset({Stage.CALL, Stage.TEST})


def weigh_failures(
    result: ProbeResult,
    job: Job,
    guarded: frozenset[str] = frozenset(),
    plan: ImportPlan = _NO_PLAN,
) -> ProbeResult:
    """Return the result with the failures of submodules taken into account.

    ``guarded`` are submodules that their package goes on without: one that is not found, or that
    needs a library which the target lacks, is a finding (numba's omppool, which needs libgomp).
    The plan says which are packages of their own, and what extras bring.
    """
    own = frozenset(job.submodules) - guarded
    deciding = [
        (module, text)
        for module, text in result.failures
        if (_decides(text, own) and not (module in guarded and _lacks_library(text)))
        or _fails_beside(module, text, plan)
    ]
    beside = tuple(failure for failure in result.failures if failure not in deciding)
    untried = 0 if result.tried is None else max(0, len(job.submodules) - result.tried)
    result = replace(result, unimportable=beside, untried=untried)
    nothing = not (job.imports or job.submodules or job.late.programs)
    if nothing and result.outcome is Outcome.PASS:
        return _failed(result, NOTHING, Cause.NO_MODULE)
    none_imported = bool(job.submodules) and len(beside) == len(job.submodules)
    if not job.imports and result.tried is not None and none_imported:
        deciding = deciding or list(beside)  # nothing of the wheel can be imported
    if deciding and (result.outcome is Outcome.PASS or result.stage in _AFTER_IMPORT):
        (module, text), more = deciding[0], len(deciding) - 1
        others = f" (and {more} more modules)" if more else ""
        return _failed(result, f"{text} [{module}]{others}", "")
    return result


def _failed(result: ProbeResult, evidence: str, cause: str) -> ProbeResult:
    return replace(
        result,
        outcome=Outcome.IMPORT_FAILED,
        stage=Stage.IMPORT,
        cause=cause,
        evidence=evidence,
    )


def _fails_beside(module: str, text: str, plan: ImportPlan) -> bool:
    """Whether a package of its own fails for another reason than an extra that is not asked for."""
    missing = {name.partition(".")[0] for name in modules_not_found(text)}
    projects = (project.replace("-", "_") for project in plan.extras)
    brought = {name for project in projects for name in (project, project.removeprefix("py"))}
    return module in plan.beside and missing.isdisjoint(brought)


def _lacks_library(text: str) -> bool:
    """Whether all that is wrong is a library, other than a libc, that users can install."""
    found = find_message(text, LOADERS)
    if found is None or found[0].cause is not Cause.MISSING_LIBRARY:
        return False
    library = found[1]["library"].rpartition("/")[2]
    return not library.startswith((*GLIBC_NAMES, *MUSL_NAMES)) and library != "libc.so"


def _decides(text: str, own: frozenset[str]) -> bool:
    return says_unloadable(text) or not own.isdisjoint(modules_not_found(text))
