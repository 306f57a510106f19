"""From what came of a child to an outcome, a cause and a key line (pure)."""

import signal

from .child import OUTPUT_LIMIT

INSTALLED = [{"status": 0, "done": True}]
REFUSAL = "is not a supported wheel on this platform"


def installed(result):
    """Whether pip ran to its end and said that it installed."""
    return (
        result is not None
        and result.ended == "exit"
        and result.status == 0
        and result.said == INSTALLED
    )


def judge_install(result, whose):
    """Return the verdict on a failed install; ``whose`` is "subject" or "companion"."""
    if result is None:
        return _verdict("miss", "install", "infra:installer", "the installer was killed", "")
    errors = [line[7:] for line in result.log.splitlines() if line.startswith("ERROR: ")]
    evidence = errors[0] if errors else how_it_ended(result)
    outcome, cause = "install-failed", _first(result.hit)
    if whose == "companion":
        outcome, cause = "miss", "infra:companion"
    elif result.ended in ("timeout", "quiet"):
        outcome, cause = "timeout", result.ended
    elif any(REFUSAL in line for line in errors):
        outcome, cause = "refused", "tag-refused"
    elif any("requires a different Python" in line for line in errors):
        cause = "requires-python"
    return _verdict(outcome, "install", cause, evidence, result.log)


def judge_import(result):
    """Return the verdict on an import and call; a pass needs a whole report and a clean exit."""
    last = result.said[-1] if result.said else {}
    stage = "call" if {"stage": "call"} in result.said else "import"
    evidence = how_it_ended(result)
    outcome, cause = stage + "-failed", _first(result.hit)
    if result.ended in ("timeout", "quiet"):
        outcome, cause = "timeout", result.ended
    elif result.ended == "output":
        cause = "endless-output"
    elif result.status < 0:
        outcome, cause = "crashed", cause or "signal"
    elif last.get("passed") and stage == "call" and result.status == 0:
        outcome, cause, evidence = "pass", "", ""
    else:
        evidence = last.get("failed") or evidence
    return _verdict(outcome, stage, cause, evidence, result.log)


def how_it_ended(result):
    """Return one line on the end of a child that did not say anything better."""
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
    return "the process exited with status %d and without a verdict" % result.status


def _verdict(outcome, stage, cause, evidence, log):
    return {
        "outcome": outcome,
        "stage": stage,
        "cause": cause,
        "evidence": evidence,
        "log": log,
    }


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number


def _first(items):
    return items[0] if items else ""
