"""Name the outcome and the cause of a child's result, with a key line (pure)."""

import re
import signal

from .child import OUTPUT_LIMIT, PAIRS, storable

REFUSAL = "is not a supported wheel on this platform"
FAILED = {  # stage → outcome
    "import": "import-failed",
    "call": "call-failed",
    "load": "load-failed",
    "start": "start-failed",
}
DOING = {"import": " while importing ", "load": " while opening ", "start": " while starting "}
BESIDE = {"tried", "untried", "gil"}.union(PAIRS)  # what a report on a pass may have besides
LIMITED = "limited: "  # how the error of a program begins that a container's limit ended
NO_PROCESS = re.compile(  # what an error says if no thread or process can be started
    "can't start new thread|Resource temporarily unavailable|SIG[A-Z]+"
)
NO_ROOM = re.compile(  # what pip, or zipfile without it, says of ENOSPC
    r"^(?:ERROR: Could not install packages due to an \w+: |\w*Error: )\[Errno 28\] No space",
    re.MULTILINE,
)


def installed(result):
    """Whether an install ran to its end and reported success."""
    return (
        result is not None
        and result.ended == "exit"
        and result.status == 0
        and result.said == {"status": 0, "done": True}
    )


def blames_disk(result):
    """Whether an install says that the disk is full; a wheel may have put these words there."""
    return result is not None and NO_ROOM.search(result.log) is not None


def install_report(result, whose, too_large=False):
    """Return the report on a failed install; ``whose`` is "subject" or "companion".

    ``too_large``: whether the disk was too small for it. An install runs none of the wheel's code:
    memory or disk that it runs out of is a limit of the container's, and says nothing of the wheel.
    """
    if result is None:
        return cell_report("miss", "install", "infra:installer", "the installer was killed", "")
    errors = _errors(result.log.splitlines())
    evidence = errors[0] if errors else how_it_ended(result)
    outcome, cause = "install-failed", _first(result.hit)
    if cause == "memory-limit":
        outcome, cause = "miss", "infra:memory"
    elif too_large:
        outcome, cause = "miss", "infra:space"
    elif whose == "companion":
        outcome, cause = "miss", "infra:companion"
    elif result.ended in ("timeout", "quiet"):
        outcome, cause = "timeout", result.ended
    elif any(REFUSAL in line for line in errors):
        outcome, cause = "refused", "tag-refused"
    elif any("requires a different Python" in line for line in errors):
        cause = "requires-python"
    return cell_report(outcome, "install", cause, evidence, result.log)


def _errors(lines):
    errors = [line[7:] for line in lines if line.startswith("ERROR: ")]
    # Of a traceback the last line says what it is.
    return lines[-1:] if errors[:1] == ["Exception:"] else errors


def import_report(result, hit=()):
    """Return the report on an import and call; a pass needs a whole report and a clean exit.

    No result means that the cell killed the process that ran it, or that it ran out of time
    behind its back; ``hit`` are the container's limits that were reached then.
    """
    if result is None:
        evidence = "the cell killed or stopped the process that ran it"
        return cell_report("crashed", "import", _first(hit) or "signal", evidence, "")
    stage = result.stage or "import"
    evidence = how_it_ended(result) + _where(result)
    outcome, cause = FAILED[stage], _first(result.hit)
    said = result.said or {}
    if result.ended in ("timeout", "quiet"):
        outcome, cause = "timeout", result.ended
    elif result.ended == "output":
        cause = "endless-output"
    elif result.status < 0:
        fatal = "illegal-instruction" if -result.status == signal.SIGILL else "signal"
        outcome, cause = "crashed", cause or fatal
    elif isinstance(said.get("failed"), str):
        evidence = said["failed"]
        cause = _raised_by(cause, evidence)
    elif set(said) - BESIDE == {"done"} and stage in ("call", "load") and result.status == 0:
        outcome, stage, cause, evidence = "pass", "call", "", ""
    report = cell_report(outcome, stage, cause, evidence, result.log)
    if cause == "illegal-instruction" and result.fault:
        report["fault"] = result.fault
    return dict(report, **{name: said[name] for name in sorted(BESIDE) if name in said})


def _raised_by(limit, error):
    """Return the limit that was reached, unless the wheel went on and failed for another reason."""
    return "" if limit == "pids-limit" and not NO_PROCESS.search(error) else limit


def with_starts(report, result, programs, hit=()):
    """Return the report on a pass with what the start of the wheel's ``programs`` gave.

    What a limit of the container ended says nothing of the wheel. A program that ends or stops the
    process that starts them did start; those after it were not tried.
    """
    said = (result and result.said) or {}
    starts, untried = said.get("starts", []), said.get("untried", 0)
    if not said:
        place = result.module if result else ""
        how = ": " + how_it_ended(result) if result else ""
        left = programs[programs.index(place) + 1 :] if place in programs else []
        after = ", and the %d after it were not started" % len(left) if left else ""
        starts = [[place, LIMITED + "it ended or stopped what started it" + after + how]]
    limits = list(result.hit if result else hit)
    if limits:
        starts = [
            [place, LIMITED + limits[0] + ": " + re.sub("^(?:ended|limited): ", "", text)]
            for place, text in starts
        ]
    return dict(report, starts=starts, untried=report.get("untried", 0) + untried)


def _where(result):
    return DOING.get(result.stage or "import", " at ") + result.module if result.module else ""


def how_it_ended(result):
    """Return one line on the end of a child that reported nothing better."""
    if result.ended == "timeout":
        return "still running at the time limit"
    if result.ended == "quiet":
        return "silent for longer than the limit"
    if result.ended == "output":
        return "more than %d MiB of output" % (OUTPUT_LIMIT >> 20)
    if result.status < 0:
        limit = _first(result.hit).replace("-", " ")
        at_limit = " at the container's " + limit if limit else ""
        return "killed by " + _signal_name(-result.status) + at_limit
    return "the process exited with status %d and without a report" % result.status


def cell_report(outcome, stage, cause, evidence, log):
    """Return a report as the host reads it."""
    return {
        "outcome": outcome,
        "stage": stage,
        "cause": cause,
        "evidence": storable(evidence),
        "log": storable(log),
    }


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number


def _first(items):
    return items[0] if items else ""
