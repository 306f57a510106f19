"""Decide which failed imports of submodules are failures of the wheel (pure).

A file that the loader refuses, and an extension module of the wheel that the interpreter does not
find, are. What Python code raises is a finding: a submodule may need another project that is
optional, or a state that its package makes.
"""

from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.predict.module_rules import NOTHING
from harness.probe.jobs import Job, ProbeResult
from harness.probe.message_causes import modules_not_found, says_unloadable


def weigh_failures(
    result: ProbeResult,
    job: Job,
    optional: frozenset[str],
    extra: frozenset[str] = frozenset(),
) -> ProbeResult:
    """Return the result with the failures of submodules taken into account.

    ``optional`` are submodules that their package replaces if they are not found, ``extra``
    those that it loads on request and that need a library which users install themselves.
    """
    own = frozenset(job.submodules) - optional
    deciding = [
        (module, text)
        for module, text in result.failures
        if module not in extra and _decides(text, own)
    ]
    beside = tuple(failure for failure in result.failures if failure not in deciding)
    untried = 0 if result.tried is None else max(0, len(job.submodules) - result.tried)
    result = replace(result, unimportable=beside, untried=untried)
    if not (job.imports or job.submodules) and result.outcome is Outcome.PASS:
        return _failed(result, NOTHING, Cause.NO_MODULE)
    if not (job.imports or result.tried is None or len(beside) < len(job.submodules)):
        deciding = deciding or list(beside)  # nothing of the wheel can be imported
    if deciding and (result.outcome is Outcome.PASS or result.stage is Stage.CALL):
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


def _decides(text: str, own: frozenset[str]) -> bool:
    return says_unloadable(text) or not own.isdisjoint(modules_not_found(text))
