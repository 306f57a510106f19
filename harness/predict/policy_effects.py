"""Predict how a policy changes the outcome of wheels on targets (pure).

A policy changes what interpreters read, what builders write, or both. A shift is the prediction
of one wheel on one target before and after.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.core.arches import Arch
from harness.core.cells import Outcome
from harness.core.matching import matching, matching_arches
from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.core.policy import NewNames, Policy
from harness.core.targets import Naming, Target
from harness.predict import predict
from harness.wheels.archive.changes import musl_names, stable_names_with_triplet, with_names
from harness.wheels.archive.contents import WheelFacts

_STABLE = ".abi3.so"


class PolicyEffect(StrEnum):
    """What a policy does to a wheel on a target."""

    REGRESSED = "regressed"
    FIXED = "fixed"
    WORKS = "works as before"
    FAILS = "fails as before"


MOVED = (PolicyEffect.REGRESSED, PolicyEffect.FIXED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """One wheel on one target, before and after a policy."""

    target: str
    """Key: ``<target>/<arch>``."""
    wheel: str
    """File name."""
    before: Prediction
    after: Prediction

    @property
    def effect(self) -> PolicyEffect:
        match self.before.outcome is Outcome.PASS, self.after.outcome is Outcome.PASS:
            case True, True:
                return PolicyEffect.WORKS
            case True, False:
                return PolicyEffect.REGRESSED
            case False, True:
                return PolicyEffect.FIXED
            case _:
                return PolicyEffect.FAILS


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """One shift that was run."""

    shift: Shift
    on: str
    """Key of the target that has the policy."""
    before: Outcome
    after: Outcome

    @property
    def agrees(self) -> bool:
        """Whether both outcomes are as predicted; false if one is a miss."""
        if Outcome.MISS in (self.before, self.after):
            return False
        predicted = self.shift.before.outcome, self.shift.after.outcome
        passed = tuple(outcome is Outcome.PASS for outcome in predicted)
        return passed == (self.before is Outcome.PASS, self.after is Outcome.PASS)


def concerns(policy: Policy, target: Target) -> bool:
    """Whether the policy applies to that target."""
    return any(matching(glob, (target.id,)) for glob in policy.targets) and (
        not policy.arches or any(matching_arches(a, (target.arch_name,)) for a in policy.arches)
    )


def apply_policy(policy: Policy, passport: Passport, arch: Arch) -> Passport:
    """Return the passport of the target under the policy; the same object if unchanged."""
    changed = passport
    if policy.naming is not None and arch.name in policy.naming.builds:
        changed = rename_interpreter(changed, policy.naming, arch)
    if policy.reads:
        more = (r.format(gnu=arch.gnu_triplet, musl=arch.musl_triplet) for r in policy.reads)
        suffixes = changed.extension_suffixes
        at = suffixes.index(_STABLE) + 1 if _STABLE in suffixes else len(suffixes)
        suffixes = tuple(dict.fromkeys((*suffixes[:at], *more, *suffixes[at:])))
        changed = replace(changed, extension_suffixes=suffixes)
    return changed


def rename_interpreter(passport: Passport, naming: Naming, arch: Arch) -> Passport:
    """Return the passport of the same interpreter with another naming.

    Versioned suffixes change; stable-ABI suffixes and plain ``.so`` keep their positions.
    """
    version = "-".join(passport.soabi.split("-")[:2])
    own, second, last = (
        f".{version}-{triplets[arch.name]}.so" if arch.name in triplets else ""
        for triplets in (naming.builds, naming.second, naming.last)
    )
    kept = tuple(s for s in passport.extension_suffixes if not s.startswith(f".{version}-"))
    suffixes = tuple(suffix for suffix in (own, second, *kept, last) if suffix)
    return replace(
        passport,
        soabi=own.removeprefix(".").removesuffix(".so"),
        ext_suffix=own,
        extension_suffixes=tuple(dict.fromkeys(suffixes)),
        multiarch=naming.builds[arch.name],
    )


def rebuild_facts(policy: Policy, facts: WheelFacts) -> WheelFacts:
    """Return the facts of the wheel as built under the policy."""
    match policy.builds:
        case NewNames.STABLE_TRIPLET:
            change = stable_names_with_triplet(facts)
        case NewNames.MUSL:
            change = musl_names(facts)
        case None:
            return facts
    return with_names(facts, change) if change else facts


def shift_of(
    policy: Policy,
    target: Target,
    passport: Passport,
    symbols: Symbols,
    wheel: WheelFacts,
    rebuilt: WheelFacts,
) -> Shift:
    """Return the shift of a wheel on a target; ``rebuilt`` are its facts under the policy.

    Rules about ELF files only count if these were read.
    """
    then = apply_policy(policy, passport, target.arch)
    return Shift(
        target=target.key,
        wheel=wheel.name.filename,
        before=predict(wheel, passport, symbols),
        after=predict(rebuilt, then, symbols),
    )


def count_effects(shifts: Iterable[Shift]) -> Mapping[PolicyEffect, int]:
    """Return the number of shifts of each effect, zeros included."""
    found = dict.fromkeys(PolicyEffect, 0)
    for shift in shifts:
        found[shift.effect] += 1
    return found
