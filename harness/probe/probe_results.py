"""Make observations from the results of probes (pure)."""

import re
from collections.abc import Sequence
from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import ImageError, InfrastructureError
from harness.core.observations import Attempt, AttemptMode, Observation
from harness.core.wheel_findings import FindingCode, FindingList, WheelFinding
from harness.probe.answers import storable
from harness.probe.jobs import ProbeResult
from harness.probe.message_causes import GIVEN
from harness.probe.session import SessionLostError

_GIL_WARNING = re.compile(r"has been enabled to load module '(?P<module>[^']+)'")
"""CPython's warning (``Python/import.c``)."""
_RAISED_BY = {
    Cause.SPACE: "--cell-disk MIB",
    Cause.MEMORY: "--cell-memory MIB",
    Cause.PROCESSES: "--cell-processes N",
}
"""The options that raise the limits of a cell's container."""

_SEEN_THERE = frozenset(
    {
        FindingCode.SUBMODULE_IMPORT,
        FindingCode.GIL_ENABLED,
        FindingCode.LIBRARY_LOAD,
        FindingCode.PROGRAM_START,
        FindingCode.COMMAND,
        FindingCode.NOT_TRIED,
    }
)
"""What a probe finds, and not the wheel alone."""


def observed(
    base: Observation, attempts: Sequence[tuple[AttemptMode, ProbeResult]], result: ProbeResult
) -> Observation:
    """Return ``base`` with all attempts and the result that counts."""
    tried = tuple(
        Attempt(mode=mode, outcome=r.outcome, stage=r.stage, seconds=r.seconds)
        for mode, r in attempts
    )
    evidence = result.evidence
    if result.cause in _RAISED_BY:
        evidence = f"{evidence}; give it more with {_RAISED_BY[Cause(result.cause)]}"
    return replace(
        base,
        outcome=result.outcome,
        stage=result.stage,
        cause=result.cause,
        evidence=evidence,
        log=result.log,
        findings=(*base.findings, *_tried_findings(result), *result.late_findings),
        imports=base.imports[: len(base.imports) - result.untried],
        tests=result.tests,
        attempts=tried,
        seconds={"probe": round(sum(a.seconds for a in tried), 3)},
    )


def _tried_findings(result: ProbeResult) -> tuple[WheelFinding, ...]:
    findings = FindingList()
    for module, text in result.unimportable:
        findings.add(FindingCode.SUBMODULE_IMPORT, module, f"Its import raises {text}.")
    if result.gil:
        found = _GIL_WARNING.search(result.log)
        module = found["module"] if found else result.gil
        findings.add(
            FindingCode.GIL_ENABLED,
            module,
            f"The import of {result.gil} switches the GIL on: {module} does not declare that it "
            "runs without (Py_mod_gil).",
        )
    untried = ["modules"] if result.untried else []
    untried += ["libraries, commands and programs"] if result.late_untried else []
    if untried:
        findings.add(
            FindingCode.NOT_TRIED,
            "",
            f"Not all of its {' and '.join(untried)} were tried: the time of a stage was up. "
            "--timeout S gives it more.",
        )
    return findings.found()


def without_gil(seen: Observation) -> Observation:
    """Return the observation, as a failure if an import switched the GIL on.

    The failure has no key: a run without ``--require-nogil`` must not reuse it.
    """
    found = next((f for f in seen.findings if f.code is FindingCode.GIL_ENABLED), None)
    if found is None or seen.outcome is not Outcome.PASS:
        return seen
    return replace(
        seen,
        outcome=Outcome.IMPORT_FAILED,
        stage=Stage.IMPORT,
        cause=Cause.GIL_ENABLED,
        evidence=f"{found.message} --require-nogil forbids that",
        key="",
    )


def reused(base: Observation, known: Observation) -> Observation:
    """Return an earlier observation with the same key as this cell's observation.

    A cause that was found in its messages is dropped; ``explained`` finds it again.
    """
    seen_there = (f for f in known.findings if f.code in _SEEN_THERE)
    return replace(
        known,
        cell=base.cell,
        wheel=base.wheel,
        companions=base.companions,
        findings=(*base.findings, *seen_there),
        provenance=replace(known.provenance, image=base.provenance.image),
        cause=known.cause if known.cause in GIVEN else "",
        prediction=None,
        cached=True,
    )


def shared(base: Observation, known: Observation) -> Observation:
    """Return this run's observation on another target with the same image."""
    return replace(reused(base, known), cached=False, measured_on=known.cell)


def session_lost(error: SessionLostError) -> ProbeResult:
    """Return the result of a lost session: a crash if a cell ended it, else a miss."""
    by_wheel = error.cause in (Cause.MEMORY_LIMIT, Cause.SIGNAL)
    return ProbeResult(
        outcome=Outcome.CRASHED if by_wheel else Outcome.MISS,
        stage=Stage.IMPORT,
        cause=error.cause,
        evidence=error.detail,
        log="",
        seconds=0.0,
    )


def not_started(error: ImageError) -> ProbeResult:
    """Return the miss of an attempt whose container did not start."""
    return ProbeResult(
        outcome=Outcome.MISS,
        stage=error.stage,
        cause=error.cause,
        evidence=str(error),
        log="",
        seconds=0.0,
    )


def miss(cell: Cell, error: InfrastructureError) -> Observation:
    """Return the miss of a cell that an error of the infrastructure prevented."""
    return Observation(
        cell=cell.id,
        outcome=Outcome.MISS,
        stage=error.stage,
        cause=error.cause,
        evidence=str(error),
    )


def defect(cell: Cell, trace: str) -> Observation:
    """Return the miss of a cell that a defect of this program prevented."""
    *_, last = trace.strip().splitlines()
    return Observation(
        cell=cell.id,
        outcome=Outcome.MISS,
        stage=Stage.WHEEL,
        cause=Cause.HARNESS,
        evidence=f"a defect of this program, please report it: {storable(last)}",
        log=str(storable(trace)),
    )
