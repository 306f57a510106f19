"""Probe the canaries of an open target in its session, and compare with what must be seen.

A column is a target; its canaries are probed once, before its first measured cell.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.core.cells import Outcome, Stage
from harness.core.observations import AttemptMode, Observation, Provenance
from harness.core.targets import Target
from harness.probe.canaries import Canary, applying, canary_wheel
from harness.probe.jobs import Job
from harness.probe.journal import Journal
from harness.probe.open_target import TargetSessions
from harness.probe.probe_results import observed
from harness.probe.seen_causes import seen_cause
from harness.probe.target_probes import OpenTarget
from harness.wheels.build.wheelhouse import wheel_ref
from harness.wheels.facts_reader import WheelReader
from harness.wheels.install_layout import companion_archive


class ColumnChecks:
    """What the canaries say of each target; targets with the same image are checked once."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._of_targets: dict[str, CanaryCheck] = {}
        self._of_environments: dict[str, CanaryCheck] = {}

    def check(self, target: Target, targets: TargetSessions) -> CanaryCheck:
        """Return the check of a target; probe its canaries first. Raises ``EngineError``."""
        opened = targets.at(target)
        before = self._of_targets.get(target.key)
        known = self._of_environments.get(opened.environment.key)
        if before and known:
            return before
        if known is None:
            with self._journal.timed("canaries", target.key, "probing canaries"):
                check = check_canaries(targets, opened)
            self._of_environments[opened.environment.key] = check
        else:
            check = replace(known, target=target.key, seconds=0.0)
        if before:  # on an engine that failed since
            check = replace(check, missed=(*before.missed, *check.missed))
        self._of_targets[target.key] = check
        self._journal.canaries(check)
        return check

    def missed(self, target: Target) -> tuple[MissedCanary, ...]:
        """Return the canaries that a target missed; none if it was not checked."""
        check = self._of_targets.get(target.key)
        return check.missed if check else ()


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
    attempts = [targets.probes.first_attempt(opened, job)]
    if canary.confirms:
        alone = replace(job, site=b"")
        mode = AttemptMode.UNPACKED
        attempts.append((mode, targets.probes.attempt_alone(opened, alone, mode)))
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
