"""The impact of policies on releases of the index: names and a list in, shifts out.

Each target gets the wheel that its installer would choose; only those wheels are looked into.
What shifts can be run: before on the target itself, after on the one that it would become.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.console import Console

from harness.cache import Cache
from harness.candidates import guess_imports
from harness.errors import UsageError
from harness.front import RunOptions
from harness.index.choose import choose_wheel
from harness.index.fetch import PackageIndex
from harness.index.lock import LockedWheel
from harness.index.remote import read_all
from harness.model import IndexSource, Matrix, Outcome, Policy, Subject, Target
from harness.passport import Passport
from harness.plan import Selection
from harness.policies import MOVED, Shift, Verified, build_anew, concerns, judge
from harness.spelling import did_you_mean
from harness.trial import outcomes_of, run_subjects
from harness.wheel.contents import WheelFacts

Say = Callable[[str], None]
PACE = 50
"""Wheels between two lines that say how far the reading is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The wheel that one target's installer takes of a release."""

    target: Target
    release: IndexSource
    wheel: LockedWheel

    @property
    def subject(self) -> str:
        """Id of the release as a subject."""
        return f"{self.release.name}-{self.release.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What is known of the releases before any policy is looked at."""

    passports: Mapping[str, Passport]
    """By target key."""
    choices: tuple[Choice, ...]
    facts: Mapping[str, WheelFacts]
    """Of the chosen wheels, by file name."""


def find_policies(matrix: Matrix, names: Sequence[str]) -> tuple[Policy, ...]:
    """Return the policies of those ids, all where none is given. Raises ``UsageError``."""
    by_id = {policy.id: policy for policy in matrix.policies}
    for name in names:
        if name not in by_id:
            raise UsageError(f"no policy is called {name!r}{did_you_mean(name, by_id)}")
    return tuple(by_id[name] for name in names) if names else matrix.policies


def concerned(policies: Sequence[Policy], targets: Iterable[Target]) -> tuple[Target, ...]:
    """Return the targets that some policy concerns."""
    return tuple(t for t in targets if any(concerns(policy, t) for policy in policies))


def read_releases(
    releases: Sequence[IndexSource],
    targets: Sequence[Target],
    passports: Mapping[str, Passport],
    index: PackageIndex,
    cache: Cache,
    say: Say,
) -> Reading:
    """Choose each target's wheel of each release as its installer would, and look into them.

    What cannot be read is said and left out. Raises ``PackageIndexError`` for a release that
    the index has not.
    """
    choices = tuple(_choices(releases, targets, passports, index))
    wheels = {choice.wheel.filename: choice.wheel for choice in choices}
    facts: dict[str, WheelFacts] = {}
    say(f"{len(wheels)} wheels to look into")
    for wheel, found in read_all(
        wheels.values(), index, cache, lambda wheel, error: say(f"{wheel.filename}: {error}")
    ):
        facts[wheel.filename] = found
        if len(facts) % PACE == 0:
            say(f"{len(facts)} of {len(wheels)} wheels read")
    return Reading(passports=passports, choices=choices, facts=facts)


def shifts_of(policy: Policy, reading: Reading) -> tuple[Shift, ...]:
    """Return the shift of every choice on a target that the policy concerns."""
    facts = reading.facts
    anew = {name: build_anew(policy, found) for name, found in facts.items()}
    return tuple(
        judge(policy, c.target, reading.passports[c.target.key], facts[name], anew[name])
        for c in reading.choices
        if concerns(policy, c.target) and (name := c.wheel.filename) in facts
    )


def verify(
    policy: Policy,
    reading: Reading,
    shifts: Sequence[Shift],
    matrix: Matrix,
    options: RunOptions,
    console: Console,
) -> tuple[Verified, ...]:
    """Run what shifts where a target stands for the time after. Raises what ``run_subjects`` does.

    A release proves itself as the matrix has it, or else by importing what it holds.
    """
    moved = {(s.target, s.wheel): s for s in shifts if s.effect in MOVED}
    deciding = [
        (choice, moved[key])
        for choice in reading.choices
        if (key := (choice.target.key, choice.wheel.filename)) in moved
        and choice.target.id in policy.verified_on
    ]
    if not deciding:
        return ()
    ids = {choice.target.id for choice, _ in deciding}
    selection = Selection(
        targets=tuple(sorted(ids | {policy.verified_on[name] for name in ids})),
        arches=tuple(sorted({choice.target.arch_name for choice, _ in deciding})),
    )
    subjects = {c.release: _subject(c, reading, matrix) for c, _ in deciding}
    grid = run_subjects(tuple(subjects.values()), selection, options, console)
    seen = outcomes_of(grid)
    return tuple(_verified(policy, choice, shift, seen) for choice, shift in deciding)


def _choices(
    releases: Sequence[IndexSource],
    targets: Sequence[Target],
    passports: Mapping[str, Passport],
    index: PackageIndex,
) -> Iterator[Choice]:
    for release in releases:
        files = index.release(release)
        for target in targets:
            passport = passports.get(target.key)
            wheel = passport and choose_wheel(files, passport.tags, passport.python)
            if wheel:
                yield Choice(target=target, release=release, wheel=wheel)


def _subject(choice: Choice, reading: Reading, matrix: Matrix) -> Subject:
    known = {s.source: s for s in matrix.subjects if isinstance(s.source, IndexSource)}
    if choice.release in known:
        return replace(known[choice.release], id=choice.subject)
    return Subject(
        id=choice.subject,
        group="releases",
        source=choice.release,
        imports=guess_imports(reading.facts[choice.wheel.filename]),
    )


def _verified(
    policy: Policy, choice: Choice, shift: Shift, seen: Mapping[tuple[str, str], Outcome]
) -> Verified:
    then = f"{policy.verified_on[choice.target.id]}/{choice.target.arch_name}"
    return Verified(
        shift=shift,
        on=then,
        before=seen.get((shift.target, choice.subject), Outcome.MISS),
        after=seen.get((then, choice.subject), Outcome.MISS),
    )
