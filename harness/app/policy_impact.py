"""The impact of policies on releases of the index: names and a list in, shifts out.

Each target gets the wheel that its installer would choose; only those wheels are looked into.
Their names decide what shifts, and of what does, the ELF files say whether it would load at all:
a wheel that fails for another reason is neither broken nor mended. What shifts can be run: before
on the target itself, after on the one that it would become.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from harness.app.adhoc import outcomes_of, run_subjects
from harness.app.pytest_driver import RunOptions
from harness.app.requested import Listed, guess_imports
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
"""Wheels between two lines that say how far the reading is."""
LOOKUPS_AT_ONCE = 8


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
class Places:
    """The targets, and what is known of them."""

    targets: tuple[Target, ...]
    passports: Mapping[str, Passport]
    """By target key."""
    symbols: Symbols


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What is known of the releases before any policy is looked at."""

    places: Places
    choices: tuple[Choice, ...]
    named: Mapping[str, RemoteFacts]
    """What the names of the chosen wheels tell, by file name."""
    closer: Mapping[str, RemoteFacts] = field(default_factory=dict)
    """The same with their ELF files, of those wheels that some policy shifts."""

    @property
    def size(self) -> int:
        """Bytes of the wheels that were looked into."""
        return sum(look.size for look in self.named.values())

    @property
    def read(self) -> int:
        """Bytes of them that the index was asked for, now or before."""
        closer = {name: look.read for name, look in self.closer.items()}
        return sum(
            min(look.size, look.read + closer.get(name, 0)) for name, look in self.named.items()
        )


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


def find_releases(
    listed: Sequence[Listed], index: PackageIndex, say: Say
) -> tuple[IndexSource, ...]:
    """Return the releases of a list: of a bare name the newest, which is said.

    What has a name alone that the index does not know is said and left out.
    """

    def find(one: Listed) -> IndexSource | None:
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
    releases: Sequence[IndexSource], places: Places, index: PackageIndex, cache: Cache, say: Say
) -> Reading:
    """Choose each target's wheel of each release as its installer would, and read their names.

    What cannot be read is said and left out. Raises ``PackageIndexError`` for a release that
    the index has not.
    """
    choices = tuple(_choices(releases, places, index))
    wheels = {choice.wheel.filename: choice.wheel for choice in choices}
    say(f"{len(wheels)} wheels to look into")
    named = _look_into(tuple(wheels.values()), index, cache, say, Depth.NAMES)
    return Reading(places=places, choices=choices, named=named)


def look_closer(
    reading: Reading, policies: Sequence[Policy], index: PackageIndex, cache: Cache, say: Say
) -> Reading:
    """Read the ELF files too of the wheels that some policy shifts by their names.

    Of what cannot be read the names go on to decide, which is said.
    """
    moved = {s.wheel for p in policies for s in shifts_of(p, reading) if s.effect in MOVED}
    wheels = {c.wheel.filename: c.wheel for c in reading.choices if c.wheel.filename in moved}
    say(f"{len(wheels)} wheels shift by their names; their ELF files decide whether they load")
    closer = _look_into(tuple(wheels.values()), index, cache, say, Depth.NATIVE)
    return replace(reading, closer=closer)


def _look_into(
    wheels: Sequence[LockedWheel], index: PackageIndex, cache: Cache, say: Say, depth: Depth
) -> dict[str, RemoteFacts]:
    def failed(wheel: LockedWheel, error: Exception) -> None:
        say(f"{wheel.filename}: {error}")

    looks: dict[str, RemoteFacts] = {}
    for wheel, look in read_wheels(wheels, index, cache, failed, depth):
        looks[wheel.filename] = look
        if len(looks) % PACE == 0:
            say(f"{len(looks)} of {len(wheels)} wheels read")
    return looks


def shifts_of(policy: Policy, reading: Reading) -> tuple[Shift, ...]:
    """Return the shift of every choice on a target that the policy concerns.

    Those that their names shift are judged anew by the ELF files, where these were read; what
    else works or fails is told by names alone, whatever other policies are asked for.
    """
    named, closer = (
        {name: (look.facts, rebuild_facts(policy, look.facts)) for name, look in looks.items()}
        for looks in (reading.named, reading.closer)
    )

    def shift(choice: Choice, facts: Mapping[str, tuple[WheelFacts, WheelFacts]]) -> Shift:
        passport = reading.places.passports[choice.target.key]
        wheel, anew = facts[choice.wheel.filename]
        return shift_of(policy, choice.target, passport, reading.places.symbols, wheel, anew)

    return tuple(
        shift(choice, closer) if by_names.effect in MOVED and name in closer else by_names
        for choice in reading.choices
        if concerns(policy, choice.target) and (name := choice.wheel.filename) in named
        for by_names in (shift(choice, named),)
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
    releases: Sequence[IndexSource], places: Places, index: PackageIndex
) -> Iterator[Choice]:
    with ThreadPoolExecutor(LOOKUPS_AT_ONCE) as pool:
        found = list(zip(releases, pool.map(index.release, releases), strict=True))
    for release, files in found:
        for target in places.targets:
            passport = places.passports.get(target.key)
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
        imports=guess_imports(reading.named[choice.wheel.filename].facts),
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
