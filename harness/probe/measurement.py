"""Probe a prepared cell until its result counts, and return what was seen."""

from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.machines import machine_of
from harness.core.observations import AttemptMode, Observation
from harness.images.debian_root import native_arch
from harness.probe.confirmation import Attempts, believed, comparisons, next_mode
from harness.probe.dependency_failures import name_dependency
from harness.probe.illegal_instruction import located
from harness.probe.jobs import Job, ProbeResult
from harness.probe.late_failures import weigh_late
from harness.probe.module_failures import weigh_failures
from harness.probe.open_target import TargetSessions
from harness.probe.other_cpu import compared_crash
from harness.probe.own_tests_job import own_tests_job
from harness.probe.prepared_cell import CellPreparer, PreparedCell
from harness.probe.probe_results import observed
from harness.probe.suite_results import not_installed
from harness.wheels.install_layout import owner_of
from harness.wheels.provider import Refusal


def job_of(cell: PreparedCell, targets: TargetSessions) -> Job:
    """Return the job of a cell, with the project's own tests. Raises what ``own_tests_job`` does.

    Tests whose requirements cannot be installed are not in it.
    """
    subject, test_wheels, tests = cell.cell.subject, cell.test_wheels, None
    if subject.tests and not isinstance(test_wheels, Refusal):
        bytecode = targets.probes.compiled(cell.opened, subject, test_wheels)
        tests = own_tests_job(subject.tests, test_wheels, bytecode)
    return targets.probes.job(cell.opened, subject, cell.wheels, cell.plan, cell.late, tests)


def attempt(
    cell: PreparedCell, job: Job, targets: TargetSessions, preparer: CellPreparer
) -> Attempts:
    """Probe a cell until ``confirmation`` needs no further attempt. Raises ``EngineError``.

    ``preparer`` obtains the subject's wheel for this machine's arch, if a crash is compared.
    """
    opened = cell.opened
    mode, result = targets.probes.first_attempt(opened, job)
    attempts = [(mode, _weighed(result, cell, job))]
    while again := next_mode(
        attempts,
        tag_accepted=cell.tag_accepted,
        compared=_compared(cell, result),
        forks_only=opened.forks_only,
    ):
        if again is AttemptMode.NATIVE_ARCH:
            native = _on_native_arch(cell, targets, preparer)
            return [*attempts, (again, _weighed(native, cell, job))] if native else attempts
        traced = replace(job, trace=attempts[-1][1].cause == Cause.ILLEGAL_INSTRUCTION)
        result = targets.probes.attempt_alone(opened, traced, again)
        attempts.append((again, _weighed(result, cell, job)))
    return attempts


def measured(cell: PreparedCell, attempts: Attempts) -> Observation:
    """Return the observation of a cell: the attempt that counts, compared with the others."""
    target, model = cell.opened.target, cell.opened.environment.cpu_model
    result = believed(attempts, tag_accepted=cell.tag_accepted, filename=cell.filename)
    result = compared_crash(result, attempts, target.arch, model, native_arch().name)
    result = located(result, attempts, target.arch)
    if cell.cell.subject.dependencies is not None:
        result = name_dependency(result, lambda place: owner_of(place, cell.wheels[:-1]))
    if isinstance(cell.test_wheels, Refusal) and result.outcome is Outcome.PASS:
        result = not_installed(result, cell.test_wheels.reason)
    return observed(cell.base, attempts, result)


def _compared(cell: PreparedCell, last: ProbeResult) -> tuple[AttemptMode, ...]:
    """Return what a crash is compared with; nothing if the wheel's bytes explain it."""
    predicted = cell.predicted is not None and cell.predicted.outcome is Outcome.CRASHED
    if not cell.opened.environment.emulator or predicted:
        return ()
    return comparisons(last.cause, machine_of(cell.opened.target))


def _is_emulated(cell: PreparedCell) -> bool:
    """Whether a signal beyond the modules is left undecided, as it may be the emulator's fault."""
    return bool(cell.opened.environment.emulator) and machine_of(cell.opened.target) is None


def _weighed(result: ProbeResult, cell: PreparedCell, job: Job) -> ProbeResult:
    """Return the result with what does not count against the wheel as findings."""
    guarded = cell.facts.sources.guarded if cell.facts else frozenset[str]()
    result = weigh_failures(result, job, guarded, cell.plan)
    return weigh_late(result, cell.facts, cell.opened.passport, emulated=_is_emulated(cell))


def _on_native_arch(
    cell: PreparedCell, targets: TargetSessions, preparer: CellPreparer
) -> ProbeResult | None:
    """Probe the subject on the same target of this machine's arch; None if either is missing."""
    subject = cell.cell.subject
    native = targets.on_native_arch(cell.opened)
    found = preparer.on_native_arch(subject, native) if native else None
    if native is None or found is None:
        return None
    job = targets.probes.job(native, subject, *found)
    return targets.probes.attempt_alone(native, job, AttemptMode.UNPACKED)
