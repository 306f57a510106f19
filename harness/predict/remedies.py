"""Which smallest change makes a wheel import: wheels and passports in, remedies judged out.

Pure. A variant is the wheels with one change made to them; a remedy says which variant each
target gets. What is done at install differs from target to target: it is simulated by the
variant whose files are those that would lie in site-packages.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.core.cells import Outcome
from harness.core.errors import UsageError
from harness.core.matching import did_you_mean
from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.predict import predict
from harness.wheels.archive.changes import (
    add_triplet,
    bare_names,
    named_modules,
    outside_stable_abi,
    rename_triplet,
    retag_platform,
    stable_names,
)
from harness.wheels.archive.contents import WheelFacts, read_contents
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
    """The user's wheels with one change made to them."""

    name: str
    changes: tuple[WheelChange, ...]
    """One a wheel, in the order of the wheels."""
    facts: tuple[WheelFacts, ...]
    """What the changed wheels hold, read out of them."""
    added: int
    """Bytes by which the wheels grow, all together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """One way to make the wheels import in more places."""

    name: str
    catch: str
    """What speaks against it, whatever the grid says."""
    variant: str = ""
    """The variant that everybody gets; empty for what is done at install."""
    by_triplet: Mapping[str, str] = field(default_factory=dict)
    """At install: the variant by the triplet that a target's interpreter builds with."""

    def on(self, passport: Passport) -> str:
        """Return the variant that a target with this passport gets."""
        return self.variant or self.by_triplet.get(triplet_of(passport.ext_suffix), UNCHANGED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """All that can be done to some wheels, and what cannot."""

    variants: tuple[Variant, ...]
    """The unchanged one first."""
    remedies: tuple[Remedy, ...]
    impossible: tuple[tuple[str, str], ...]
    """Remedies that do not apply, with the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemedyEffect:
    """What one remedy does to the matrix."""

    remedy: Remedy
    fixed: tuple[str, ...]
    """Keys of the targets where it passes now and did not."""
    broken: tuple[str, ...]
    """Keys of the targets where it passed and does no more."""
    added: int
    """Bytes that the wheels grow by."""
    run: int
    """On how many of those the changed wheel was run; the others are predicted."""

    @property
    def rank(self) -> tuple[bool, int, bool, int, str]:
        """The better, the smaller: mends and breaks nothing, mends most, least bytes."""
        clean = bool(self.fixed) and not self.broken
        balance = len(self.broken) - len(self.fixed)
        return not clean, balance, not self.remedy.variant, self.added, self.remedy.name


OutcomeByVariant = Mapping[tuple[str, str], Outcome]
"""Outcomes by target key and name of the variant."""


def propose(wheels: Sequence[WheelBytes], passports: Mapping[str, Passport]) -> Proposal:
    """Return what could be done to the wheels so that more of those targets import them.

    Raises ``WheelError`` for what is no wheel that can be rewritten.
    """
    facts = [read_contents(wheel.filename, io.BytesIO(wheel.data)) for wheel in wheels]
    makers, impossible = _makers(facts, passports)
    variants = [_variant(UNCHANGED, wheels, facts, lambda _: WheelChange())]
    for name, make in makers.items():
        variant = _variant(name, wheels, facts, make)
        if any(variant.changes):
            variants.append(variant)
        else:
            impossible.append((name, "changes nothing in this wheel"))
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
    """Return the prediction of every variant on every target, by key and name."""
    return {
        (key, variant.name): predict(
            choose_facts(variant.facts, passport), passport, symbols, imports=imports
        )
        for key, passport in passports.items()
        for variant in proposal.variants
    }


def select_remedies(proposal: Proposal, patterns: Sequence[str]) -> Proposal:
    """Return the proposal with the remedies of those names or kinds alone; none means all.

    Raises ``UsageError`` for a name that no remedy has.
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
    """Return the keys of the targets where the variants do not all fare alike."""
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
    """Return the effect of every remedy, best first; what was run outweighs what is predicted."""
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
    """Return the extension modules that all the wheels name, as they are imported."""
    named = [{_dotted(module.stem) for module in named_modules(wheel)} for wheel in facts]
    return tuple(sorted(set.intersection(*named) - {""}))


def triplet_of(suffix: str) -> str:
    """Return the triplet in a suffix: ``x86_64-linux-gnu``; empty where it names none."""
    found = _TRIPLET.search(suffix.rpartition("cpython-")[2].partition("-")[2])
    return found[0] if found else ""


def choose_facts(facts: Sequence[WheelFacts], passport: Passport) -> WheelFacts:
    """Return the wheel whose best tag the installer ranks first; the first if it takes none."""
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
    named = ", ".join(foreign[:MOST_NAMED])
    more = f" and {len(foreign) - MOST_NAMED} more" if len(foreign) > MOST_NAMED else ""
    return makers, [("abi3", f"its Python's stable ABI lacks {named}{more}")]


def _triplets_read(
    facts: Sequence[WheelFacts], passports: Mapping[str, Passport]
) -> tuple[str, ...]:
    """Return the triplets that some target reads which installs a wheel and misses its own."""
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
) -> Variant:
    changes = tuple(make(f) for f in facts)
    changed: list[WheelFacts] = []
    added = 0
    for wheel, before, change in zip(wheels, facts, changes, strict=True):
        if not change:
            changed.append(before)
            continue
        after = rewrite_wheel(wheel, change)
        changed.append(read_contents(after.filename, io.BytesIO(after.data)))
        added += bytes_added(wheel, after)
    return Variant(name=name, changes=changes, facts=tuple(changed), added=added)


_CATCHES = {
    "rename": "who reads the old name alone loses it",
    "both": "every module is in the wheel twice",
    "bare": "says of no Python or libc that it is for them; any will load it",
    "abi3": "no symbol shows what macros inlined; build with Py_LIMITED_API to be sure",
    "retag": "goes by symbols; on musl they have no versions, so run it there",
}


def _in_the_wheel(variants: Sequence[Variant]) -> tuple[Remedy, ...]:
    return tuple(
        Remedy(name=v.name, variant=v.name, catch=_CATCHES[v.name.partition("-")[0]])
        for v in variants
    )


def _at_install(variants: set[str]) -> tuple[Remedy, ...]:
    """Return what installers could do: the file under the interpreter's own name, or a link."""
    remedies = []
    for doing, kind in (("rename", "rename"), ("symlink", "both")):
        by_triplet = {
            name.removeprefix(f"{kind}-"): name for name in variants if name.startswith(f"{kind}-")
        }
        if by_triplet:
            remedies.append(
                Remedy(name=f"install-{doing}", by_triplet=by_triplet, catch=_PIP_DECLINED)
            )
    return tuple(remedies)
