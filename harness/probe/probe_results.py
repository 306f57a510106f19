"""What a probe's results come to: results in, an observation in words out (pure)."""

from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import InfrastructureError, WheelError
from harness.core.observations import Attempt, AttemptMode, Observation, Prediction
from harness.core.passport import Passport
from harness.probe.session import Job, ProbeResult, SessionLostError
from harness.wheels.archive.filename import parse_wheel_name


def observed(base: Observation, results: list[tuple[AttemptMode, ProbeResult]]) -> Observation:
    """Put the last result, which is the confirming one where there are two, into words."""
    last = results[-1][1]
    attempts = tuple(
        Attempt(mode=mode, outcome=r.outcome, stage=r.stage, seconds=r.seconds)
        for mode, r in results
    )
    return replace(
        base,
        outcome=last.outcome,
        stage=last.stage,
        cause=last.cause,
        evidence=last.evidence,
        log=last.log,
        attempts=attempts,
        seconds={"probe": round(sum(a.seconds for a in attempts), 3)},
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
    """Give what was seen earlier under the same key as this cell's.

    A cause that only a prediction gave is left for today's prediction to give.
    """
    predicted = known.prediction is not None and known.prediction.cause == known.cause
    return replace(
        known,
        cell=base.cell,
        wheel=base.wheel,
        provenance=replace(known.provenance, image=base.provenance.image),
        cause="" if predicted and known.outcome is not Outcome.REFUSED else known.cause,
        prediction=None,
        cached=True,
    )


def shared(base: Observation, twin: Observation) -> Observation:
    """Give what was seen in this run of another target's cell with the same image and key."""
    return replace(recalled(base, twin), cached=False, measured_on=twin.cell)


def is_listed(job: Job, passport: Passport) -> bool:
    """Whether one of the subject's tags is in the installer's list."""
    filename, _ = job.wheels[-1]
    try:
        return not set(parse_wheel_name(filename).tags).isdisjoint(passport.tags)
    except WheelError:
        return True  # the installer's own words are better than ours


def refused(job: Job, seen: ProbeResult) -> ProbeResult:
    """Turn what was seen of a wheel without a listed tag into a refusal, which needs no proof.

    Up to 20.2 pip looks at no tag when it has a ``--target``, and installs what it would refuse
    its user (``RequirementSet(check_supported_wheels=not options.target_dir)``).
    """
    if seen.outcome is Outcome.REFUSED:
        return seen
    return replace(
        seen,
        outcome=Outcome.REFUSED,
        stage=Stage.INSTALL,
        cause=Cause.TAG_REFUSED,
        evidence=f"{job.wheels[-1][0]} is not a supported wheel on this platform.",
    )


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
