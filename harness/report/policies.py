"""Policies as people read them: shifts in, counts and the wheels behind them out."""

from collections.abc import Iterator, Sequence

from harness.model import Policy
from harness.policies import MOVED, Effect, Shift, Verified, count
from harness.report.planned import folded
from harness.report.untrusted import visible


def format_policy(policy: Policy, shifts: Sequence[Shift]) -> str:
    """Return the policy, its counts, and a line for the wheels that move on the same targets."""
    counts = ", ".join(f"{number} {effect}" for effect, number in count(shifts).items())
    lines = [f"{policy.id}: {policy.title}", f"  {policy.link}", f"  {counts}"]
    lines += [f"  {effect}: {wheels}: {targets}" for effect, wheels, targets in _moved(shifts)]
    return "\n".join(lines) + "\n"


def policies_markdown(found: Sequence[tuple[Policy, Sequence[Shift]]], scope: str) -> str:
    """Return a page: a table of all policies, then what moves under each."""
    lines = [
        "# What policies would do",
        "",
        f"{scope} Counted are pairs of a wheel and a target that the policy concerns.",
        "",
        f"| policy | {' | '.join(Effect)} |",
        f"|---|{'--:|' * len(Effect)}",
    ]
    for policy, shifts in found:
        numbers = " | ".join(str(number) for number in count(shifts).values())
        lines.append(f"| [{policy.title}]({policy.link}) | {numbers} |")
    for policy, shifts in found:
        moved = list(_moved(shifts))
        if moved:
            lines += ["", f"## {policy.title}", "", "| | wheels | targets |", "|---|---|---|"]
            lines += [f"| {effect} | {wheels} | {targets} |" for effect, wheels, targets in moved]
    return "\n".join(lines) + "\n"


def format_scope(*, releases: int, wheels: int, targets: Sequence[str], passports: int) -> str:
    """Return one sentence: how much was looked at, and which targets could not be."""
    left = len(targets) - passports
    sentence = f"{releases} releases, {wheels} wheels that are chosen on {passports} targets."
    if not left:
        return sentence
    return f"{sentence} {left} targets left out: no passport is recorded (--measure takes it)."


def format_verified(verified: Sequence[Verified]) -> str:
    """Return how what was run compares with what was predicted, and a line for what differs."""
    if not verified:
        return "  verified: nothing shifts where a target stands for the time after\n"
    agreed = sum(one.agrees for one in verified)
    lines = [f"  verified: {agreed} of {len(verified)} went as predicted, before and after"]
    lines += [
        f"    {visible(one.shift.wheel)}: {one.shift.target} {one.before}, {one.on} {one.after}; "
        f"predicted {one.shift.before.outcome} and {one.shift.after.outcome}"
        for one in verified
        if not one.agrees
    ]
    return "\n".join(lines) + "\n"


def _moved(shifts: Sequence[Shift]) -> Iterator[tuple[Effect, str, str]]:
    """Yield each effect with the releases that have it on the same targets."""
    for effect in MOVED:
        targets: dict[str, list[str]] = {}
        for shift in shifts:
            if shift.effect is effect:
                targets.setdefault(_release(shift.wheel), []).append(shift.target)
        alike: dict[tuple[str, ...], list[str]] = {}
        for release, keys in targets.items():
            alike.setdefault(tuple(sorted(keys)), []).append(release)
        for same, releases in alike.items():
            yield effect, ", ".join(map(visible, sorted(releases))), folded(same)


def _release(wheel: str) -> str:
    """Return ``markupsafe 3.0.4`` for a wheel's file name."""
    return " ".join(wheel.split("-")[:2])
