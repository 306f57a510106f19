"""Probe the canaries of an open target in its session, and compare with what must be seen."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.core.cells import Outcome, Stage
from harness.core.observations import AttemptMode, Observation, Provenance
from harness.probe.canaries import Canary, applying, canary_wheel
from harness.probe.jobs import Job
from harness.probe.open_target import OpenTarget, TargetSessions
from harness.probe.probe_results import observed
from harness.probe.seen_causes import seen_cause
from harness.wheels.build.wheelhouse import wheel_ref
from harness.wheels.facts_reader import WheelReader
from harness.wheels.install_layout import companion_archive


def check_canaries(targets: TargetSessions, opened: OpenTarget) -> CanaryCheck:
    """Probe the canaries that apply to the target. Raises ``EngineError``."""
    start = time.monotonic()
    tried, missed = [], []
    with tempfile.TemporaryDirectory(prefix="wheelgrid-canaries-") as folder:
        for canary in applying(opened.passport):
            tried.append(canary.id)
            missed += _missed(canary, _seen(canary, targets, opened, Path(folder)))
    return CanaryCheck(
        target=opened.target.key,
        tried=tuple(tried),
        missed=tuple(missed),
        seconds=round(time.monotonic() - start, 3),
    )


def _seen(canary: Canary, targets: TargetSessions, opened: OpenTarget, folder: Path) -> Observation:
    """Return what is seen of a canary, with the cause that it shows."""
    name, data = canary_wheel(canary, opened.passport)
    path = folder / name
    path.write_bytes(data)
    wheel = wheel_ref(path)
    limits = targets.limits
    job = Job(
        wheels=((name, data),),
        imports=canary.imports,
        call="",
        timeout=canary.seconds or limits.timeout,
        quiet=canary.seconds or limits.quiet,
        site=b"" if canary.installs else companion_archive((wheel,)),
    )
    attempts = [targets.first_attempt(opened, job)]
    if canary.confirms:
        alone = replace(job, site=b"")
        mode = AttemptMode.UNPACKED
        attempts.append((mode, targets.attempt_alone(opened, alone, mode)))
    base = Observation(
        cell=f"{opened.target.key}/{canary.id}",
        outcome=Outcome.MISS,
        stage=Stage.IMPORT,
        wheel=wheel,
        provenance=Provenance(image=opened.image),
    )
    wrong = (r for _, r in attempts if r.outcome not in canary.outcomes)
    seen = observed(base, attempts, next(wrong, attempts[-1][1]))
    return replace(seen, cause=seen_cause(seen, WheelReader().facts(wheel), opened.passport))


def _missed(canary: Canary, seen: Observation) -> list[MissedCanary]:
    if canary.is_caught(seen.outcome, seen.cause):
        return []
    return [
        MissedCanary(
            canary=canary.id,
            expected=canary.expected,
            seen=f"{seen.outcome} {seen.cause}".rstrip(),
            evidence=seen.evidence,
        )
    ]
