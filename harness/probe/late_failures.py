"""Decide which libraries, programs and commands that fail are failures of the wheel (pure).

The rules about libraries and programs are those of ``predict.late_rules``; all others are findings.
A command fails the wheel if the module or the object that it calls is not there, or cannot be
loaded.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.passport import Passport
from harness.core.wheel_findings import FindingCode, FindingList
from harness.predict.installed_layout import InstalledLayout, layout_of
from harness.predict.late_plan import plan_late
from harness.predict.late_rules import LateFailure, deciding_libraries, deciding_programs
from harness.probe.jobs import ProbeResult
from harness.probe.message_causes import (
    LOADERS,
    MODULES,
    PROGRAMS,
    find_message,
    modules_not_found,
    says_unloadable,
)
from harness.probe.seen_causes import message_cause
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.data_schemes import cell_path

ENDED = "ended: "
"""How the agent's text begins if a signal or a limit on time ended what it tried."""
LIMITED = "limited: "
"""How it begins if a limit of the container did."""
_LIMITED = re.compile(
    rf"{LIMITED}|ended: killed by SIGKILL|.*(?:failed to map segment|annot allocate memory$"
    r"|Too many open files|Operation not permitted|Permission denied)"
)
"""Failures that are none of the wheel: what the container's limits ended or denied."""
_STARTED = re.compile(
    rf"{_LIMITED.pattern}|its mode in the wheel|ended: killed by (?:SIGABRT|SIGTRAP)"
)
"""Nor are these, of programs: one that started and then aborted, and a file that only some
installers make executable."""
_SIGNAL = re.compile(r"ended: killed by (?!SIGKILL)")
_NO_TIME = re.compile(r"ended: it did not return within")
_DENIED = re.compile(r"cannot be executed: \[Errno (?:1|12|11|13)\]")  # EPERM ENOMEM EAGAIN EACCES
_ATTRIBUTE = re.compile(r"AttributeError: .*has no attribute '(?P<name>\w+)'")


def weigh_late(
    result: ProbeResult, wheel: WheelFacts | None, passport: Passport, *, emulated: bool
) -> ProbeResult:
    """Return the result with what fails beyond the modules taken into account.

    ``emulated``: whether a signal may be the emulator's fault; then it decides nothing here, since
    emulators do not run every program.
    """
    decided = result.outcome in (Outcome.PASS, Outcome.IMPORT_FAILED)
    late = decided or result.stage is Stage.TEST
    if wheel is None or not late:
        return result
    if denied := next((text for _, text in result.starts if _DENIED.search(text)), ""):
        words = f"the container does not let programs start from its disk ({denied})"
        return replace(
            result, outcome=Outcome.MISS, stage=Stage.START, cause=Cause.ENGINE, evidence=words
        )
    layout = layout_of(wheel)
    members = {cell_path(member.name): member.name for member in wheel.members}
    loads = {members.get(place, place): text for place, text in result.loads}
    starts = {members.get(place, place): text for place, text in result.starts}
    entries = dict(result.entries)
    doubted = _DOUBTED if emulated else frozenset[str]()
    failures = _failures(loads, wheel, passport, doubted, _LIMITED)
    bad_loads = deciding_libraries(layout, failures)
    if result.outcome is Outcome.IMPORT_FAILED:
        return _with_reason(result, bad_loads, loads)
    failures = _failures(starts, wheel, passport, doubted, _STARTED)
    bad_starts = deciding_programs(layout, failures)
    bad_entries = [
        entry for entry, text in entries.items() if _command_decides(entry, text, layout)
    ]
    findings = FindingList()
    _add(findings, FindingCode.LIBRARY_LOAD, loads, bad_loads, "Opened by itself, it fails")
    _add(findings, FindingCode.PROGRAM_START, starts, bad_starts, "It does not start")
    _add(findings, FindingCode.COMMAND, entries, bad_entries, "What a command calls fails")
    if left_out := plan_late(layout).left_out:
        findings.add(FindingCode.NOT_TRIED, "", " ".join(left_out))
    result = replace(result, late_findings=findings.found())
    if bad_loads:
        return _failed(result, Outcome.LOAD_FAILED, Stage.LOAD, bad_loads, loads)
    bad, texts = (bad_starts, starts) if bad_starts else (bad_entries, entries)
    return _failed(result, Outcome.START_FAILED, Stage.START, bad, texts) if bad else result


_DOUBTED = frozenset({Cause.SIGNAL, Cause.TIMEOUT})
_UNEXPLAINED = frozenset({"", Cause.SIGNAL})


def _failures(
    texts: Mapping[str, str],
    wheel: WheelFacts,
    passport: Passport,
    doubted: frozenset[str],
    allowed: re.Pattern[str],
) -> dict[str, LateFailure]:
    """Return the failures by member, without those that ``allowed`` matches."""
    failures = {name: _failure(text, wheel, passport) for name, text in texts.items()}
    return {
        name: failure
        for name, failure in failures.items()
        if failure.cause not in doubted
        and not (allowed.match(texts[name]) and failure.cause in _UNEXPLAINED)
    }


def _failure(text: str, wheel: WheelFacts, passport: Passport) -> LateFailure:
    cause = message_cause(text, wheel, passport) or _ending(text)
    found = find_message(text, LOADERS + PROGRAMS)
    named = found[1].groupdict() if found else {}
    return LateFailure(cause=cause, lacks=named.get("symbol") or named.get("library") or "")


def _ending(text: str) -> str:
    """Return the cause if a signal or the limit on time ended what was tried; else empty."""
    if _NO_TIME.match(text):
        return Cause.TIMEOUT
    return Cause.SIGNAL if _SIGNAL.match(text) else ""


def _with_reason(result: ProbeResult, deciding: list[str], texts: Mapping[str, str]) -> ProbeResult:
    """Return a failed import with the library's error, if Python code did not say what it is."""
    known = find_message(result.evidence, LOADERS + MODULES)
    if not deciding or known:
        return result
    name = deciding[0]
    return replace(result, evidence=f"{result.evidence} ({name}: {texts[name]})")


def _command_decides(entry: str, text: str, layout: InstalledLayout) -> bool:
    module, _, names = entry.partition(":")
    top = module.partition(".")[0]
    if not any(name.partition(".")[0] == top for name in layout.files):
        return False  # another project has it
    missing = _ATTRIBUTE.match(text)
    if missing and missing["name"] in names.split("."):
        return True
    return says_unloadable(text) or module in modules_not_found(text)


def _failed(
    result: ProbeResult,
    outcome: Outcome,
    stage: Stage,
    names: list[str],
    texts: Mapping[str, str],
) -> ProbeResult:
    name, more = names[0], len(names) - 1
    text = texts[name]
    cause = _ending(text)
    text = text.removeprefix(ENDED)
    others = f" (and {more} more)" if more else ""
    return replace(
        result, outcome=outcome, stage=stage, cause=cause, evidence=f"{name}: {text}{others}"
    )


def _add(
    findings: FindingList,
    code: FindingCode,
    texts: Mapping[str, str],
    deciding: list[str],
    words: str,
) -> None:
    for name, text in _others(texts, deciding):
        said = "Nothing can be said of it" if text.startswith(LIMITED) else words
        findings.add(code, name, f"{said}: {text.removeprefix(LIMITED).removeprefix(ENDED)}.")


def _others(texts: Mapping[str, str], deciding: list[str]) -> Iterator[tuple[str, str]]:
    for name, text in texts.items():
        if name not in deciding:
            yield name, text
