"""The policy of confirmation: what was seen so far → what to try next → what is believed (pure).

A pass in a session is believed at once. Every other result is tried again in a separate
container. pip has no part in a failed import or call, and most of the time of a
confirmation is pip's: where the unpacked wheel fails in a new interpreter with the same words,
that is believed. Otherwise new interpreters for pip and import decide.
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
"""Outcomes that pip has no part in, once it has installed."""


def next_mode(seen: Attempts, *, listed: bool) -> AttemptMode | None:
    """Return how to try a cell again; None where what was seen is believed.

    ``seen`` holds at least the first attempt. ``listed`` says whether the installer's list has
    one of the wheel's tags.
    """
    _, first = seen[0]
    mode, last = seen[-1]
    if mode is AttemptMode.UNPACKED:
        return None if _says(last) == _says(first) else AttemptMode.FRESH
    if mode is AttemptMode.FRESH or last.outcome is Outcome.PASS:
        return None
    if not listed and first.outcome is not Outcome.MISS:
        return None
    pip_is_done = first.stage in (Stage.IMPORT, Stage.CALL) and first.outcome in _WITHOUT_PIP
    return AttemptMode.UNPACKED if pip_is_done else AttemptMode.FRESH


def believed(seen: Attempts, *, listed: bool, filename: str) -> ProbeResult:
    """Return the result that is believed: the last one, or a refusal of a wheel not ``listed``.

    Up to 20.2 pip looks at no tag when it has a ``--target``, and installs what it would refuse
    its user (``RequirementSet(check_supported_wheels=not options.target_dir)``).
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
    """Whether the installer's list has one of the wheel's tags."""
    try:
        return not set(parse_wheel_name(filename).tags).isdisjoint(passport.tags)
    except WheelError:
        return True  # the installer's own message is better than ours


def _says(result: ProbeResult) -> tuple[Outcome, Stage, str]:
    return result.outcome, result.stage, result.evidence
