"""Policies as people read them: shifts in, counts and the wheels behind them out."""

from collections.abc import Iterator, Sequence

from harness.core.policy import Policy
from harness.core.subjects import IndexSource
from harness.predict.policy_effects import MOVED, PolicyEffect, Shift, Verified, count_effects
from harness.report.planned import folded
from harness.report.untrusted import visible

_MEBIBYTE = 1 << 20
_COUNTED = (
    "Counted are pairs of a wheel and a target that the policy concerns: by names, and where those "
    "shift, by ELF files too."
)
_PINNED = """\
These are the releases that the matrix pins, as `wheelgrid policy --markdown` judged them. The same
page for the newest releases of the 150 projects of [subjects-150.txt](subjects-150.txt) is made by
`wheelgrid policy --subjects matrix/subjects-150.txt --markdown > policies-150.md`, which asks the
package index for each."""


def format_policy(policy: Policy, shifts: Sequence[Shift]) -> str:
    """Return the policy, its counts, and a line for the wheels that move on the same targets."""
    counts = ", ".join(f"{number} {effect}" for effect, number in count_effects(shifts).items())
    lines = [f"{policy.id}: {policy.title}", f"  {policy.link}", f"  {counts}"]
    lines += [f"  {effect}: {wheels}: {targets}" for effect, wheels, targets in _moved(shifts)]
    return "\n".join(lines) + "\n"


def policies_markdown(
    found: Sequence[tuple[Policy, Sequence[Shift]]], scope: str, cost: str, listed: str = ""
) -> str:
    """Return a page: a table of all policies, what moves under each, and what it took to know.

    ``listed`` is the file of the list; empty for the releases that the matrix pins.
    """
    lines = [
        "# What policies would do",
        "",
        f"{scope} {_COUNTED}",
        "",
        f"The list is {visible(listed)}." if listed else _PINNED,
        "",
        f"| policy | {' | '.join(PolicyEffect)} |",
        f"|---|{'--:|' * len(PolicyEffect)}",
    ]
    for policy, shifts in found:
        numbers = " | ".join(str(number) for number in count_effects(shifts).values())
        lines.append(f"| [{policy.title}]({policy.link}) | {numbers} |")
    for policy, shifts in found:
        moved = list(_moved(shifts))
        if moved:
            lines += ["", f"## {policy.title}", "", "| | wheels | targets |", "|---|---|---|"]
            lines += [f"| {effect} | {wheels} | {targets} |" for effect, wheels, targets in moved]
    return "\n".join([*lines, "", cost]) + "\n"


def format_scope(
    *, releases: Sequence[IndexSource], wheels: int, targets: Sequence[str], passports: int
) -> str:
    """Return in words how much was looked at, which releases, and how many targets could not be."""
    left = len(targets) - passports
    names = ", ".join(f"{release.name} {release.version}" for release in releases)
    scope = (
        f"{len(releases)} releases, {wheels} wheels that are chosen on {passports} targets: "
        f"{names}."
    )
    if not left:
        return scope
    return f"{scope} {left} targets left out: no passport is recorded (--measure takes it)."


def format_cost(*, wheels: int, closer: int, size: int, read: int) -> str:
    """Return one sentence: how many bytes of the wheels had to be read."""
    part = f" ({read / size:.1%})" if size else ""
    return (
        f"Of {wheels} wheels of {size / _MEBIBYTE:.1f} MiB, {read / _MEBIBYTE:.1f} MiB{part} were "
        f"read: names of all, the ELF files of the {closer} that a policy shifts."
    )


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


def _moved(shifts: Sequence[Shift]) -> Iterator[tuple[PolicyEffect, str, str]]:
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
