"""Predict which releases of the index work or fail differently under a policy.

Only the wheel that each target's installer would choose is read. Its member names decide whether
it shifts. For a wheel that shifts, its ELF files decide whether it would load at all: a wheel that
fails for another reason is neither broken nor fixed. Shifts can be run: before the policy on the
target itself, after it on the target that ``verified_on`` names.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from harness.app.adhoc import outcomes_of, run_subjects
from harness.app.pytest_driver import RunOptions
from harness.app.requested import ListedRelease, guess_imports
from harness.core.cells import Matrix, Outcome
from harness.core.errors import PackageIndexError, UsageError
from harness.core.matching import did_you_mean
from harness.core.passport import Passport, Symbols
from harness.core.policy import Policy
from harness.core.subjects import IndexSource, Subject
from harness.core.targets import Target
from harness.host.cache import Cache
from harness.matrix.plan import Selection
from harness.predict.policy_effects import MOVED, Shift, Verified, concerns, rebuild_facts, shift_of
from harness.report.console import Console, Say
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.index.choose import choose_wheel
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LockedWheel
from harness.wheels.index.remote import Depth, RemoteFacts, read_wheels

PACE = 50
"""Wheels between two lines of progress."""
LOOKUPS_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenWheel:
    """The wheel of a release that one target's installer chooses."""

    target: Target
    release: IndexSource
    wheel: LockedWheel

    @property
    def subject(self) -> str:
        """Id of the release as a subject."""
        return f"{self.release.name}-{self.release.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyTargets:
    """Targets with their passports and symbol sets."""

    targets: tuple[Target, ...]
    passports: Mapping[str, Passport]
    """By target key."""
    symbols: Symbols


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFacts:
    """Chosen wheels and their facts, before any policy is applied."""

    policy_targets: PolicyTargets
    choices: tuple[ChosenWheel, ...]
    named: Mapping[str, RemoteFacts]
    """Facts from the member names of the chosen wheels, by file name."""
    native: Mapping[str, RemoteFacts] = field(default_factory=dict)
    """Facts with ELF files, of the wheels that a policy shifts."""

    @property
    def size(self) -> int:
        """Total bytes of the wheels."""
        return sum(facts.size for facts in self.named.values())

    @property
    def read(self) -> int:
        """Bytes of them that were requested from the index, now or before."""
        native = {name: facts.read for name, facts in self.native.items()}
        return sum(
            min(facts.size, facts.read + native.get(name, 0)) for name, facts in self.named.items()
        )


def find_policies(matrix: Matrix, names: Sequence[str]) -> tuple[Policy, ...]:
    """Return the policies of those ids, or all. Raises ``UsageError`` for an unknown id."""
    by_id = {policy.id: policy for policy in matrix.policies}
    for name in names:
        if name not in by_id:
            raise UsageError(f"no policy is called {name!r}{did_you_mean(name, by_id)}")
    return tuple(by_id[name] for name in names) if names else matrix.policies


def concerned(policies: Sequence[Policy], targets: Iterable[Target]) -> tuple[Target, ...]:
    """Return the targets that at least one policy concerns."""
    return tuple(t for t in targets if any(concerns(policy, t) for policy in policies))


def find_releases(
    listed: Sequence[ListedRelease], index: PackageIndex, say: Say
) -> tuple[IndexSource, ...]:
    """Return the releases of a list. A bare name resolves to its newest release, which is logged.

    A bare name that the index does not know is logged and left out.
    """

    def find(one: ListedRelease) -> IndexSource | None:
        if one.version:
            return IndexSource(name=one.name, version=one.version)
        try:
            newest = index.newest(one.name)
        except PackageIndexError as error:
            say(str(error))
            return None
        say(f"{one.name}: {newest.version} is the newest release")
        return newest

    with ThreadPoolExecutor(LOOKUPS_AT_ONCE) as pool:
        return tuple(dict.fromkeys(filter(None, pool.map(find, listed))))


def read_releases(
    releases: Sequence[IndexSource],
    known: PolicyTargets,
    index: PackageIndex,
    cache: Cache,
    say: Say,
) -> ReleaseFacts:
    """Choose each target's wheel of each release as its installer would; read its member names.

    A wheel that cannot be read is logged and left out. Raises ``PackageIndexError`` for a release
    that is not in the index.
    """
    choices = tuple(_choices(releases, known, index))
    wheels = {choice.wheel.filename: choice.wheel for choice in choices}
    say(f"{len(wheels)} wheels to read")
    named = _read_wheels(tuple(wheels.values()), index, cache, say, Depth.NAMES)
    return ReleaseFacts(policy_targets=known, choices=choices, named=named)


def read_native(
    known: ReleaseFacts, policies: Sequence[Policy], index: PackageIndex, cache: Cache, say: Say
) -> ReleaseFacts:
    """Also read the ELF files of the wheels that a policy shifts by their names.

    If they cannot be read, that is logged and the names decide.
    """
    moved = {s.wheel for p in policies for s in shifts_of(p, known) if s.effect in MOVED}
    wheels = {c.wheel.filename: c.wheel for c in known.choices if c.wheel.filename in moved}
    say(f"{len(wheels)} wheels shift by their names; their ELF files decide whether they load")
    native = _read_wheels(tuple(wheels.values()), index, cache, say, Depth.NATIVE)
    return replace(known, native=native)


def _read_wheels(
    wheels: Sequence[LockedWheel], index: PackageIndex, cache: Cache, say: Say, depth: Depth
) -> dict[str, RemoteFacts]:
    def failed(wheel: LockedWheel, error: Exception) -> None:
        say(f"{wheel.filename}: {error}")

    read: dict[str, RemoteFacts] = {}
    for wheel, facts in read_wheels(wheels, index, cache, failed, depth):
        read[wheel.filename] = facts
        if len(read) % PACE == 0:
            say(f"{len(read)} of {len(wheels)} wheels read")
    return read


def shifts_of(policy: Policy, known: ReleaseFacts) -> tuple[Shift, ...]:
    """Return the shift of every chosen wheel on a target that the policy concerns.

    A wheel that shifts by its names is predicted again with its ELF files, if they were read. All
    others are predicted from names alone: the choice of policies does not change the counts.
    """
    named, native = (
        {name: (each.facts, rebuild_facts(policy, each.facts)) for name, each in read.items()}
        for read in (known.named, known.native)
    )

    def shift(choice: ChosenWheel, facts: Mapping[str, tuple[WheelFacts, WheelFacts]]) -> Shift:
        passport = known.policy_targets.passports[choice.target.key]
        wheel, anew = facts[choice.wheel.filename]
        return shift_of(policy, choice.target, passport, known.policy_targets.symbols, wheel, anew)

    return tuple(
        shift(choice, native) if by_names.effect in MOVED and name in native else by_names
        for choice in known.choices
        if concerns(policy, choice.target) and (name := choice.wheel.filename) in named
        for by_names in (shift(choice, named),)
    )


def verify(
    policy: Policy,
    known: ReleaseFacts,
    shifts: Sequence[Shift],
    matrix: Matrix,
    options: RunOptions,
    console: Console,
) -> tuple[Verified, ...]:
    """Run the shifts for which the policy names a target after it, ``verified_on``.

    A release imports what the matrix says, else its own modules. Raises as ``run_subjects`` does.
    """
    moved = {(s.target, s.wheel): s for s in shifts if s.effect in MOVED}
    deciding = [
        (choice, moved[key])
        for choice in known.choices
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
    subjects = {c.release: _subject(c, known, matrix) for c, _ in deciding}
    grid = run_subjects(tuple(subjects.values()), selection, options, console)
    seen = outcomes_of(grid)
    return tuple(_verified(policy, choice, shift, seen) for choice, shift in deciding)


def _choices(
    releases: Sequence[IndexSource], policy_targets: PolicyTargets, index: PackageIndex
) -> Iterator[ChosenWheel]:
    with ThreadPoolExecutor(LOOKUPS_AT_ONCE) as pool:
        found = list(zip(releases, pool.map(index.release, releases), strict=True))
    for release, files in found:
        for target in policy_targets.targets:
            passport = policy_targets.passports.get(target.key)
            wheel = passport and choose_wheel(files, passport.tags, passport.python)
            if wheel:
                yield ChosenWheel(target=target, release=release, wheel=wheel)


def _subject(choice: ChosenWheel, known: ReleaseFacts, matrix: Matrix) -> Subject:
    planned = {s.source: s for s in matrix.subjects if isinstance(s.source, IndexSource)}
    if choice.release in planned:
        return replace(planned[choice.release], id=choice.subject)
    return Subject(
        id=choice.subject,
        group="releases",
        source=choice.release,
        imports=guess_imports(known.named[choice.wheel.filename].facts),
    )


def _verified(
    policy: Policy, choice: ChosenWheel, shift: Shift, seen: Mapping[tuple[str, str], Outcome]
) -> Verified:
    after = f"{policy.verified_on[choice.target.id]}/{choice.target.arch_name}"
    return Verified(
        shift=shift,
        on=after,
        before=seen.get((shift.target, choice.subject), Outcome.MISS),
        after=seen.get((after, choice.subject), Outcome.MISS),
    )
