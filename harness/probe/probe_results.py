"""Observations made of a probe's results (pure)."""

from collections.abc import Sequence
from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import InfrastructureError
from harness.core.observations import Attempt, AttemptMode, Observation, Prediction
from harness.probe.answers import storable
from harness.probe.jobs import ProbeResult
from harness.probe.session import SessionLostError

_RAISED_BY = {Cause.SPACE: "--cell-disk", Cause.MEMORY: "--cell-memory"}
"""The options that raise the limits of a cell's container."""


def observed(
    base: Observation, attempts: Sequence[tuple[AttemptMode, ProbeResult]], result: ProbeResult
) -> Observation:
    """Return ``base`` with the attempts and the result that is believed."""
    tried = tuple(
        Attempt(mode=mode, outcome=r.outcome, stage=r.stage, seconds=r.seconds)
        for mode, r in attempts
    )
    evidence = result.evidence
    if result.cause in _RAISED_BY:
        evidence = f"{evidence}; give it more with {_RAISED_BY[Cause(result.cause)]} MIB"
    return replace(
        base,
        outcome=result.outcome,
        stage=result.stage,
        cause=result.cause,
        evidence=evidence,
        log=result.log,
        attempts=tried,
        seconds={"probe": round(sum(a.seconds for a in tried), 3)},
    )


def explained(seen: Observation, predicted: Prediction | None) -> Observation:
    """Add the prediction, and its cause where what was seen has none and is what it says."""
    if predicted is None:
        return seen
    agreed = predicted.outcome is seen.outcome
    return replace(
        seen, prediction=predicted, cause=seen.cause or (predicted.cause if agreed else "")
    )


def recalled(base: Observation, known: Observation) -> Observation:
    """Return what was measured earlier under the same key, as this cell's.

    A cause that came from the prediction alone is left for today's prediction.
    """
    predicted = known.prediction is not None and known.prediction.cause == known.cause
    return replace(
        known,
        cell=base.cell,
        wheel=base.wheel,
        findings=base.findings,
        provenance=replace(known.provenance, image=base.provenance.image),
        cause="" if predicted and known.outcome is not Outcome.REFUSED else known.cause,
        prediction=None,
        cached=True,
    )


def shared(base: Observation, known: Observation) -> Observation:
    """Return what this run measured on another target that has the same image."""
    return replace(recalled(base, known), cached=False, measured_on=known.cell)


def lost(error: SessionLostError) -> ProbeResult:
    """Turn a lost session into a result: out of memory is the wheel's doing, the rest a miss."""
    by_wheel = error.cause == Cause.MEMORY_LIMIT
    return ProbeResult(
        outcome=Outcome.CRASHED if by_wheel else Outcome.MISS,
        stage=Stage.IMPORT,
        cause=error.cause,
        evidence=error.detail or "the container ended",
        log="",
        seconds=0.0,
    )


def miss(cell: Cell, error: InfrastructureError) -> Observation:
    """Return what is known of a cell that this side of the wheel failed."""
    return Observation(
        cell=cell.id,
        outcome=Outcome.MISS,
        stage=error.stage,
        cause=error.cause,
        evidence=str(error),
    )


def defect(cell: Cell, trace: str) -> Observation:
    """Return the miss of a cell at which this program failed; ``trace`` is the traceback."""
    *_, last = trace.strip().splitlines()
    return Observation(
        cell=cell.id,
        outcome=Outcome.MISS,
        stage=Stage.WHEEL,
        cause=Cause.HARNESS,
        evidence=f"a defect of this program, please report it: {storable(last)}",
        log=str(storable(trace)),
    )
