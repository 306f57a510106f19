"""Propose changes that make wheels import on more targets, and predict their effects (pure).

A variant is the wheels with one change. A remedy says which variant each target gets. A remedy
at install is simulated by the variant with the files that it would install.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.core.cells import Outcome
from harness.core.errors import UsageError
from harness.core.matching import did_you_mean
from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.predict import predict
from harness.predict.explanation import abbreviate
from harness.wheels.archive.changes import (
    add_triplet,
    bare_names,
    named_modules,
    outside_stable_abi,
    rename_triplet,
    retag_platform,
    stable_names,
)
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.data_schemes import site_path
from harness.wheels.archive.filename import tag_rank
from harness.wheels.archive.rewrite import WheelBytes, WheelChange, bytes_added, rewrite_wheel

UNCHANGED = "unchanged"
"""The variant without a change."""
MOST_NAMED = 4

_TRIPLET = re.compile(r"[a-z0-9_]+-linux-[a-z0-9]+")
_PIP_DECLINED = "every installer would have to; pip declined (pypa/pip#10678)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """The user's wheels with one change."""

    name: str
    changes: tuple[WheelChange, ...]
    """One per wheel, in the order of the wheels."""
    facts: tuple[WheelFacts, ...]
    """Facts of the changed wheels."""
    added: int
    """Bytes by which the wheels grow in total."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """One way to make the wheels import on more targets."""

    name: str
    catch: str
    """The drawback that the grid does not show."""
    variant: str = ""
    """The variant for every target; empty for a remedy at install."""
    by_triplet: Mapping[str, str] = field(default_factory=dict)
    """At install: the triplet of a target's EXT_SUFFIX → variant."""

    def on(self, passport: Passport) -> str:
        """Return the variant that a target with this passport gets."""
        return self.variant or self.by_triplet.get(triplet_of(passport.ext_suffix), UNCHANGED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """The remedies of some wheels, and those that do not apply."""

    variants: tuple[Variant, ...]
    """The unchanged one first."""
    remedies: tuple[Remedy, ...]
    impossible: tuple[tuple[str, str], ...]
    """Remedies that do not apply, with the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemedyEffect:
    """How one remedy changes the outcomes."""

    remedy: Remedy
    fixed: tuple[str, ...]
    """Keys of the targets that pass only with the remedy."""
    broken: tuple[str, ...]
    """Keys of the targets that pass only without the remedy."""
    added: int
    """Bytes that the wheels grow by."""
    run: int
    """How many of those targets were run; the others are predicted."""

    @property
    def rank(self) -> tuple[bool, int, bool, int, str]:
        """Sort key, best first: fixes without breaking, fixes most, adds the fewest bytes."""
        clean = bool(self.fixed) and not self.broken
        balance = len(self.broken) - len(self.fixed)
        return not clean, balance, not self.remedy.variant, self.added, self.remedy.name


ReadBytes = Callable[[WheelBytes], WheelFacts]
"""Reads a wheel that is in memory. Raises ``WheelError``."""
OutcomeByVariant = Mapping[tuple[str, str], Outcome]
"""Outcomes by target key and name of the variant."""


def propose(
    wheels: Sequence[WheelBytes], passports: Mapping[str, Passport], read: ReadBytes
) -> Proposal:
    """Return the remedies that could make more of those targets import the wheels.

    Raises ``WheelError`` for a wheel that cannot be rewritten.
    """
    facts = [read(wheel) for wheel in wheels]
    makers, impossible = _makers(facts, passports)
    variants = [_variant(UNCHANGED, wheels, facts, lambda _: WheelChange(), read)]
    for name, make in makers.items():
        variant = _variant(name, wheels, facts, make, read)
        if any(variant.changes):
            variants.append(variant)
        else:
            impossible.append((name, "changes nothing in the wheel"))
    names = {variant.name for variant in variants}
    return Proposal(
        variants=tuple(variants),
        remedies=(*_in_the_wheel(variants[1:]), *_at_install(names)),
        impossible=tuple(impossible),
    )


def predict_all(
    proposal: Proposal,
    passports: Mapping[str, Passport],
    symbols: Symbols,
    imports: tuple[str, ...] = (),
) -> dict[tuple[str, str], Prediction]:
    """Return the prediction of every variant on every target, by target key and variant."""
    return {
        (key, variant.name): predict(
            choose_facts(variant.facts, passport), passport, symbols, imports=imports
        )
        for key, passport in passports.items()
        for variant in proposal.variants
    }


def select_remedies(proposal: Proposal, patterns: Sequence[str]) -> Proposal:
    """Return the proposal with the remedies of those names or kinds; all without patterns.

    Raises ``UsageError`` for an unknown name.
    """
    if not patterns:
        return proposal
    names = [remedy.name for remedy in proposal.remedies]
    known = names + [name for name, _ in proposal.impossible]
    kept: set[str] = set()
    for pattern in patterns:
        if not (found := {n for n in known if n.startswith(f"{pattern}-") or n == pattern}):
            raise UsageError(
                f"--try: no remedy is called {pattern!r}{did_you_mean(pattern, known)}"
            )
        kept |= found
    remedies = tuple(remedy for remedy in proposal.remedies if remedy.name in kept)
    used = {UNCHANGED} | {v for r in remedies for v in (r.variant, *r.by_triplet.values())}
    return replace(
        proposal,
        variants=tuple(variant for variant in proposal.variants if variant.name in used),
        remedies=remedies,
        impossible=tuple(pair for pair in proposal.impossible if pair[0] in kept),
    )


def targets_that_differ(predictions: Mapping[tuple[str, str], Prediction]) -> tuple[str, ...]:
    """Return the keys of the targets whose outcome depends on the variant."""
    outcomes: dict[str, set[Outcome]] = {}
    for (key, _), prediction in predictions.items():
        outcomes.setdefault(key, set()).add(prediction.outcome)
    return tuple(key for key, found in outcomes.items() if len(found) > 1)


def remedy_effects(
    proposal: Proposal,
    passports: Mapping[str, Passport],
    predictions: Mapping[tuple[str, str], Prediction],
    observed: OutcomeByVariant,
) -> tuple[RemedyEffect, ...]:
    """Return the effects of all remedies, best first; observations override predictions."""
    seen = {cell: outcome for cell, outcome in observed.items() if outcome is not Outcome.MISS}
    outcomes = {cell: prediction.outcome for cell, prediction in predictions.items()} | seen
    added = {variant.name: variant.added for variant in proposal.variants}
    effects = []
    for remedy in proposal.remedies:
        cells = {key: (key, remedy.on(passport)) for key, passport in passports.items()}
        passed = {key for key in passports if outcomes[key, UNCHANGED] is Outcome.PASS}
        passes = {key for key, cell in cells.items() if outcomes[cell] is Outcome.PASS}
        changed = passed ^ passes
        effect = RemedyEffect(
            remedy=remedy,
            fixed=tuple(key for key in passports if key in passes - passed),
            broken=tuple(key for key in passports if key in passed - passes),
            added=added.get(remedy.variant, 0),
            run=sum(cells[key] in seen for key in changed),
        )
        effects.append(effect)
    return tuple(sorted(effects, key=lambda effect: effect.rank))


def common_modules(facts: Sequence[WheelFacts]) -> tuple[str, ...]:
    """Return the extension modules that all the wheels have, as dotted names."""
    named = [{_dotted(module.stem) for module in named_modules(wheel)} for wheel in facts]
    return tuple(sorted(set.intersection(*named) - {""}))


def triplet_of(suffix: str) -> str:
    """Return the triplet in a suffix, ``x86_64-linux-gnu``, or an empty string."""
    found = _TRIPLET.search(suffix.rpartition("cpython-")[2].partition("-")[2])
    return found[0] if found else ""


def choose_facts(facts: Sequence[WheelFacts], passport: Passport) -> WheelFacts:
    """Return the wheel that the installer ranks first, or the first one if it accepts none."""
    return min(facts, key=lambda wheel: tag_rank(wheel.name, passport.tags))


def _makers(
    facts: Sequence[WheelFacts], passports: Mapping[str, Passport]
) -> tuple[dict[str, Callable[[WheelFacts], WheelChange]], list[tuple[str, str]]]:
    makers: dict[str, Callable[[WheelFacts], WheelChange]] = {}
    for triplet in _triplets_read(facts, passports):
        makers[f"rename-{triplet}"] = lambda f, t=triplet: rename_triplet(f, t)  # type: ignore[misc]
        makers[f"both-{triplet}"] = lambda f, t=triplet: add_triplet(f, t)  # type: ignore[misc]
    makers |= {"bare": bare_names, "retag": retag_platform}
    foreign = tuple(dict.fromkeys(name for f in facts for name in outside_stable_abi(f)))
    if not foreign:
        return {**makers, "abi3": stable_names}, []
    named = abbreviate(foreign, MOST_NAMED)
    return makers, [("abi3", f"its Python's stable ABI lacks {named}")]


def _triplets_read(
    facts: Sequence[WheelFacts], passports: Mapping[str, Passport]
) -> tuple[str, ...]:
    """Return the triplets read by targets that accept a wheel but do not read its triplet."""
    found: set[str] = set()
    for passport in passports.values():
        wheel = choose_facts(facts, passport)
        if set(passport.tags).intersection(wheel.name.tags):
            read = {triplet_of(suffix) for suffix in passport.extension_suffixes} - {""}
            held = {module.triplet for module in named_modules(wheel)} - {""}
            if held and not held & read:
                found |= read
    return tuple(sorted(found))


def _dotted(stem: str) -> str:
    """Return ``demo._core`` for ``demo/_core``, also below ``demo-1.0.data/platlib/``."""
    return site_path(stem).replace("/", ".")


def _variant(
    name: str,
    wheels: Sequence[WheelBytes],
    facts: Sequence[WheelFacts],
    make: Callable[[WheelFacts], WheelChange],
    read: ReadBytes,
) -> Variant:
    changes = tuple(make(f) for f in facts)
    changed: list[WheelFacts] = []
    added = 0
    for wheel, before, change in zip(wheels, facts, changes, strict=True):
        if not change:
            changed.append(before)
            continue
        after = rewrite_wheel(wheel, change)
        changed.append(read(after))
        added += bytes_added(wheel, after)
    return Variant(name=name, changes=changes, facts=tuple(changed), added=added)


_CATCHES = {
    "rename": "interpreters that read only the old name no longer find it",
    "both": "every module is in the wheel twice",
    "bare": "names no Python and no libc, so any interpreter loads it",
    "abi3": "inlined macros leave no symbol; build with Py_LIMITED_API to be sure",
    "retag": "follows symbol versions, which musl lacks; run it on musl",
}


def _in_the_wheel(variants: Sequence[Variant]) -> tuple[Remedy, ...]:
    return tuple(
        Remedy(name=v.name, variant=v.name, catch=_CATCHES[v.name.partition("-")[0]])
        for v in variants
    )


def _at_install(variants: set[str]) -> tuple[Remedy, ...]:
    """Return the remedies at install: rename the file to the interpreter's suffix, or link it."""
    remedies = []
    for action, kind in (("rename", "rename"), ("symlink", "both")):
        by_triplet = {
            name.removeprefix(f"{kind}-"): name for name in variants if name.startswith(f"{kind}-")
        }
        if by_triplet:
            remedies.append(
                Remedy(name=f"install-{action}", by_triplet=by_triplet, catch=_PIP_DECLINED)
            )
    return tuple(remedies)
