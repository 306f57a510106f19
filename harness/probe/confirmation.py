"""Decide which results to confirm, how, and which result counts (pure).

A pass in a session counts immediately. Every other result is confirmed in a separate container. pip
takes most of that time, and it does not matter for what fails after the installation: if the
unpacked wheel fails in a new interpreter with the same message, that counts. Otherwise new
interpreters for pip and import decide.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.errors import WheelError
from harness.core.machines import Machine
from harness.core.observations import AttemptMode
from harness.core.passport import Passport
from harness.probe.jobs import ProbeResult
from harness.wheels.archive.filename import parse_wheel_name

Attempts = Sequence[tuple[AttemptMode, ProbeResult]]

COMPARED = (AttemptMode.OTHER_CPU, AttemptMode.NATIVE_ARCH)
"""Attempts that a confirmed crash under emulation is compared with; they decide no outcome."""
_WITHOUT_PIP = frozenset(
    {
        Outcome.IMPORT_FAILED,
        Outcome.CALL_FAILED,
        Outcome.LOAD_FAILED,
        Outcome.START_FAILED,
        Outcome.TEST_FAILED,
        Outcome.CRASHED,
    }
)
"""Outcomes after an installation that do not depend on pip."""
_AFTER_INSTALL = frozenset({Stage.IMPORT, Stage.CALL, Stage.LOAD, Stage.START, Stage.TEST})


def next_mode(
    seen: Attempts,
    *,
    tag_accepted: bool,
    compared: Sequence[AttemptMode] = (),
    forks_only: bool = False,
) -> AttemptMode | None:
    """Return the mode of the next attempt, or None if there is none.

    ``seen`` has at least the first attempt. ``tag_accepted``: whether the installer accepts a tag
    of the wheel. ``compared``: those of ``COMPARED`` that show whether a fatal signal may be the
    emulator's. ``forks_only``: a new interpreter would not be on the machine that was asked for.
    """
    mode, last = seen[-1]
    left = [each for each in compared if all(each is not tried for tried, _ in seen)]
    if mode in COMPARED:
        return left[0] if left else None
    again = _confirming(seen, tag_accepted=tag_accepted)
    if forks_only and again is AttemptMode.FRESH:
        return None
    fatal = (Cause.SIGNAL, Cause.ILLEGAL_INSTRUCTION)
    suspect = last.outcome is Outcome.CRASHED and last.cause in fatal
    return left[0] if left and again is None and suspect and tag_accepted else again


def comparisons(cause: str, machine: Machine | None) -> tuple[AttemptMode, ...]:
    """Return the attempts that show whether a crash under emulation may be the emulator's fault.

    On a machine that was asked for, an instruction that it lacks or its page size explain a crash,
    and another CPU says nothing.
    """
    if machine is None:
        return COMPARED
    explained = machine.page_size or cause != Cause.SIGNAL
    return () if explained else (AttemptMode.NATIVE_ARCH,)


def _confirming(seen: Attempts, *, tag_accepted: bool) -> AttemptMode | None:
    _, first = seen[0]
    mode, last = seen[-1]
    if mode is AttemptMode.UNPACKED:
        return None if _summary(last) == _summary(first) else AttemptMode.FRESH
    if mode is AttemptMode.FRESH or last.outcome is Outcome.PASS:
        return None
    if not tag_accepted and first.outcome is not Outcome.MISS:
        return None
    pip_is_done = first.stage in _AFTER_INSTALL and first.outcome in _WITHOUT_PIP
    return AttemptMode.UNPACKED if pip_is_done else AttemptMode.FRESH


def believed(seen: Attempts, *, tag_accepted: bool, filename: str) -> ProbeResult:
    """Return the result that counts: the last one, or a refusal if no tag is accepted.

    A crash with the target's own CPU model counts whatever another model or arch gives.
    pip up to 20.2 does not check tags if ``--target`` is given, and so installs a wheel that it
    would refuse otherwise (``RequirementSet(check_supported_wheels=not options.target_dir)``).
    """
    _, last = [attempt for attempt in seen if attempt[0] not in COMPARED][-1]
    if tag_accepted or last.outcome in (Outcome.MISS, Outcome.REFUSED):
        return last
    return replace(
        last,
        outcome=Outcome.REFUSED,
        stage=Stage.INSTALL,
        cause=Cause.TAG_REFUSED,
        evidence=f"{filename} is not a supported wheel on this platform.",
    )


def accepts_tag(filename: str, passport: Passport) -> bool:
    """Whether the installer accepts one of the wheel's tags."""
    try:
        return not set(parse_wheel_name(filename).tags).isdisjoint(passport.tags)
    except WheelError:
        return True  # the installer's own message is better than ours


def _summary(result: ProbeResult) -> tuple[Outcome, Stage, str]:
    # A runner says how long it took, and where its temporary files were.
    says = "" if result.stage is Stage.TEST else result.evidence
    return result.outcome, result.stage, says
