"""Decide which results to confirm, how, and which result counts (pure).

A pass in a session counts at once. Every other result is confirmed in a separate container. pip
takes most of that time, and it does not matter for a failed import or call: if the unpacked wheel
fails in a new interpreter with the same message, that counts. Otherwise new interpreters for pip
and import decide.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.errors import WheelError
from harness.core.observations import AttemptMode
from harness.core.passport import Passport
from harness.probe.jobs import ProbeResult
from harness.wheels.archive.filename import parse_wheel_name

Attempts = Sequence[tuple[AttemptMode, ProbeResult]]

_WITHOUT_PIP = frozenset({Outcome.IMPORT_FAILED, Outcome.CALL_FAILED, Outcome.CRASHED})
"""Outcomes after an installation that do not depend on pip."""


def next_mode(seen: Attempts, *, listed: bool) -> AttemptMode | None:
    """Return the mode of the next attempt, or None if the last result counts.

    ``seen`` has at least the first attempt. ``listed``: whether the installer accepts one of the
    wheel's tags.
    """
    _, first = seen[0]
    mode, last = seen[-1]
    if mode is AttemptMode.UNPACKED:
        return None if _summary(last) == _summary(first) else AttemptMode.FRESH
    if mode is AttemptMode.FRESH or last.outcome is Outcome.PASS:
        return None
    if not listed and first.outcome is not Outcome.MISS:
        return None
    pip_is_done = first.stage in (Stage.IMPORT, Stage.CALL) and first.outcome in _WITHOUT_PIP
    return AttemptMode.UNPACKED if pip_is_done else AttemptMode.FRESH


def believed(seen: Attempts, *, listed: bool, filename: str) -> ProbeResult:
    """Return the result that counts: the last one, or a refusal if the wheel is not ``listed``.

    pip up to 20.2 does not check tags if ``--target`` is given, and so installs a wheel that it
    would refuse otherwise (``RequirementSet(check_supported_wheels=not options.target_dir)``).
    """
    _, last = seen[-1]
    if listed or last.outcome in (Outcome.MISS, Outcome.REFUSED):
        return last
    return replace(
        last,
        outcome=Outcome.REFUSED,
        stage=Stage.INSTALL,
        cause=Cause.TAG_REFUSED,
        evidence=f"{filename} is not a supported wheel on this platform.",
    )


def is_listed(filename: str, passport: Passport) -> bool:
    """Whether the installer accepts one of the wheel's tags."""
    try:
        return not set(parse_wheel_name(filename).tags).isdisjoint(passport.tags)
    except WheelError:
        return True  # the installer's own message is better than ours


def _summary(result: ProbeResult) -> tuple[Outcome, Stage, str]:
    return result.outcome, result.stage, result.evidence
