"""Render the effects of policies: counts and the wheels that change."""

from collections.abc import Iterator, Sequence

from harness.core.policy import Policy
from harness.core.subjects import IndexSource
from harness.predict.policy_effects import MOVED, PolicyEffect, Shift, Verified, count_effects
from harness.report.target_list import folded
from harness.report.untrusted import visible

_MEBIBYTE = 1 << 20
_COUNTED = (
    "The counts are pairs of a wheel and a target that the policy affects, predicted from file "
    "names and, where those change the result, from ELF files."
)
_PINNED = """\
These are the releases that the matrix pins, as `wheelgrid policy --markdown` predicts them. With
`--subjects matrix/subjects-150.txt` it predicts the newest releases of the 150 projects of
[subjects-150.txt](subjects-150.txt), for which it asks the package index."""


def format_policy(policy: Policy, shifts: Sequence[Shift]) -> str:
    """Return the policy, its counts, and a line per group of wheels with the same targets."""
    counts = ", ".join(f"{number} {effect}" for effect, number in count_effects(shifts).items())
    lines = [f"{policy.id}: {policy.title}", f"  {policy.link}", f"  {counts}"]
    lines += [f"  {effect}: {wheels}: {targets}" for effect, wheels, targets in _moved(shifts)]
    return "\n".join(lines) + "\n"


def policies_markdown(
    found: Sequence[tuple[Policy, Sequence[Shift]]], scope: str, cost: str, listed: str = ""
) -> str:
    """Return a page: a table of all policies, the affected wheels, and the bytes read.

    ``listed`` is the file with the releases; empty for those that the matrix pins.
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
    """Return the releases, the numbers of wheels and targets, and the targets left out."""
    left = len(targets) - passports
    names = ", ".join(f"{release.name} {release.version}" for release in releases)
    scope = (
        f"{len(releases)} releases, {wheels} wheels that are chosen on {passports} targets: "
        f"{names}."
    )
    if not left:
        return scope
    return f"{scope} {left} targets left out: no passport is recorded (--measure measures it)."


def format_cost(*, wheels: int, closer: int, size: int, read: int) -> str:
    """Return one sentence about the bytes of the wheels that were read."""
    part = f" ({read / size:.1%})" if size else ""
    return (
        f"Of {wheels} wheels of {size / _MEBIBYTE:.1f} MiB, {read / _MEBIBYTE:.1f} MiB{part} were "
        f"read: names of all, the ELF files of the {closer} that a policy shifts."
    )


def format_verified(verified: Sequence[Verified]) -> str:
    """Return how many runs agree with the predictions, and a line per disagreement."""
    if not verified:
        return "  verified: no affected wheel on a target with a counterpart in verified_on\n"
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
