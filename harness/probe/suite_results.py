"""Report the limits of a test run, and the option that raises one that it reached (pure)."""

import re
import shlex
from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.own_tests import SuiteResult
from harness.host.engine.hardening import ContainerLimits
from harness.probe.jobs import OwnTestsJob, ProbeResult
from harness.probe.sandbox import lack_in

_STEPS = {
    Cause.TEST_COMMAND: "name what brings it with --test-requires, and its own file with "
    "--test-files",
    Cause.TIMEOUT: "allow more with --test-timeout S",
    Cause.ENDLESS_OUTPUT: "let the runner print less, as 'pytest -q' does",
}
"""Next steps; those of limits that installations have too are in ``probe_results``."""
# The last lines of unittest's TextTestRunner (Lib/unittest/runner.py).
_RAN = re.compile(r"^Ran (?P<total>\d{1,9}) tests? in [\d.]+s$", re.MULTILINE)
_ENDED = re.compile(r"^(?:OK|FAILED)(?: \((?P<counts>[^)\n]*)\))?$", re.MULTILINE)
_NAMES = ("failures", "errors", "skipped", "expected failures", "unexpected successes")
_COUNT = re.compile(rf"({'|'.join(_NAMES)})=(\d{{1,9}})(?:,|$)")


def with_limits(result: ProbeResult, tests: OwnTestsJob, limits: ContainerLimits) -> ProbeResult:
    """Return the result of a test run with its limits at the head of its output."""
    if result.stage is not Stage.TEST:
        return result
    head = (
        f"$ {shlex.join(tests.command)}\n"
        f"[no network; at most {tests.timeout:.0f} s, {limits.memory >> 20} MiB of memory, "
        f"{limits.tmpfs >> 20} MiB of disk, {limits.pids} processes]\n"
    )
    step = _STEPS.get(Cause(result.cause)) if result.cause else None
    if result.outcome is Outcome.TEST_FAILED and not result.cause:
        lack = lack_in(result.log)
        step = f"the tests have {lack}, so leave out those that need it" if lack else None
    first, *others = result.evidence.split("\n")
    evidence = "\n".join([f"{first}; {step}" if step else first, *others])
    return replace(result, evidence=evidence, log=head + result.log)


def counted(result: ProbeResult) -> ProbeResult:
    """Return the result of a test run with the counts of unittest's summary, without a report.

    A failed case in the runner's JUnit report fails the run, whatever its exit status. So does a
    run of no test, which pytest and, from Python 3.12 on, unittest end with status 5.
    """
    told = result.tests
    result = replace(result, tests=told or _summary_of_unittest(result))
    if result.outcome is not Outcome.PASS or result.tests is None:
        return result
    bad = told is not None and told.failed + told.errors
    if bad or not (result.tests.total or result.tests.unread):
        words = f"exit status 0, but the runner's report says: {result.tests}"
        return replace(result, outcome=Outcome.TEST_FAILED, evidence=words)
    return result


def _summary_of_unittest(result: ProbeResult) -> SuiteResult | None:
    """Return the counts of the last summary in the output; None if there is none."""
    ran = list(_RAN.finditer(result.log))
    if result.stage is not Stage.TEST or not ran:
        return None
    found = dict.fromkeys(_NAMES, 0)
    ended = _ENDED.search(result.log, ran[-1].end())
    for name, number in _COUNT.findall(ended["counts"] or "") if ended else ():
        found[name] = int(number)
    failed = found["failures"] + found["unexpected successes"]
    skipped = found["skipped"] + found["expected failures"]
    total = int(ran[-1]["total"])
    return SuiteResult(
        passed=max(0, total - failed - skipped - found["errors"]),
        failed=failed,
        errors=found["errors"],
        skipped=skipped,
    )


def lost_in_tests(crash: ProbeResult) -> ProbeResult:
    """Return the result of tests whose container ended: a miss if it was out of memory."""
    if crash.cause != Cause.MEMORY_LIMIT:
        return replace(crash, stage=Stage.TEST)
    return replace(
        crash,
        outcome=Outcome.MISS,
        stage=Stage.TEST,
        cause=Cause.MEMORY,
        evidence="the tests need more memory than the container has",
    )


def not_installed(passed: ProbeResult, reason: str) -> ProbeResult:
    """Return the result of an import whose tests could not run, since a requirement is refused."""
    return replace(
        passed,
        outcome=Outcome.REFUSED,
        stage=Stage.TEST,
        cause=Cause.DEPENDENCY_REFUSED,
        evidence=f"the import passes; the tests cannot run: {reason}",
    )
