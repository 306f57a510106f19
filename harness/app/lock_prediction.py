"""Predict a lock file on targets: look up its releases, read the wheels in ranges, predict each.

What is read of a wheel is cached by the wheel's digest, so that an interrupted command goes on
where it stopped.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial

from packaging.version import Version

from harness.core.errors import PackageIndexError, WheelError
from harness.core.machines import recorded_on
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.host.cache import Cache
from harness.predict.batch import Passports
from harness.predict.lock_outlook import (
    DependencyForecast,
    DependencyState,
    LockOutlook,
    forecast_wheel,
    forecast_without_wheel,
)
from harness.report.console import Say
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.dependencies.marker_environment import marker_environment
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LockedWheel
from harness.wheels.index.remote import Depth, RemoteFacts, read_wheels
from harness.wheels.locks.application import LockedApplication, LockedDependency
from harness.wheels.locks.file_choice import ChosenFile, ReleaseFiles, choose_file

LOOKUPS_AT_ONCE = 8
PACE = 20
"""Releases or wheels between two lines of progress."""
_Read = RemoteFacts | Exception


def predict_lock(
    application: LockedApplication,
    targets: Sequence[Target],
    passports: Passports,
    index: PackageIndex,
    cache: Cache,
    say: Say,
) -> LockOutlook:
    """Return what becomes of every dependency on every target that has a recorded passport.

    A release that cannot be looked up and a wheel that cannot be read are unknown. Raises
    ``PassportError``.
    """
    measured = {t.key: p for t in targets if (p := recorded_on(passports, t))}
    environments = {key: marker_environment(each) for key, each in measured.items()}
    refusals = {
        key: refusal
        for key, environment in environments.items()
        if (refusal := application.refusal(environment))
    }
    ours = [t for t in targets if t.key in measured and t.key not in refusals]
    pairs = [(dependency, target) for dependency in application.dependencies for target in ours]
    needed = [(p, t.key) for p, t in pairs if application.needs(p, environments[t.key])]
    releases = _look_up(dict.fromkeys(dependency for dependency, _ in needed), index, say)
    chosen = {
        (dependency, key): _choose(dependency, releases[dependency], measured[key])
        for dependency, key in needed
    }
    files = (each.wheel for each in chosen.values() if isinstance(each, ChosenFile))
    wheels = {wheel.filename: wheel for wheel in files if wheel}
    read = _read_all([wheels[name] for name in sorted(wheels)], index, cache, say)
    seen = _Seen(passports=passports, measured=measured, chosen=chosen, read=read)
    facts = [each for each in read.values() if isinstance(each, RemoteFacts)]
    return LockOutlook(
        application=application,
        targets=tuple(target for target in targets if target.key in measured),
        forecasts=tuple(seen.forecast(dependency, target) for dependency, target in pairs),
        refusals=refusals,
        unmeasured=tuple(target.key for target in targets if target.key not in measured),
        fetched=sum(each.read for each in facts),
        size=sum(each.size for each in facts),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """The targets, the files that they take, and what was read of them."""

    passports: Passports
    measured: Mapping[str, Passport]
    chosen: Mapping[tuple[LockedDependency, str], ChosenFile | Exception]
    """By dependency and target key; only dependencies that the target needs."""
    read: Mapping[str, _Read]

    def forecast(self, dependency: LockedDependency, target: Target) -> DependencyForecast:
        choice = self.chosen.get((dependency, target.key))
        if choice is None:
            return DependencyForecast(
                dependency=dependency, target=target, state=DependencyState.NOT_NEEDED
            )
        if isinstance(choice, ChosenFile) and choice.wheel is None:
            return forecast_without_wheel(dependency, target, choice)
        facts = self._facts(choice)
        if isinstance(facts, Exception):
            return DependencyForecast(
                dependency=dependency,
                target=target,
                state=DependencyState.UNKNOWN,
                reason=str(facts),
            )
        passport, beside = self.measured[target.key], partial(self._beside, dependency, target)
        return forecast_wheel(dependency, target, facts, passport, self.passports.symbols, beside)

    def _facts(self, choice: ChosenFile | Exception) -> WheelFacts | Exception:
        if isinstance(choice, Exception) or choice.wheel is None:
            return choice if isinstance(choice, Exception) else WheelError(choice.reason)
        found = self.read[choice.wheel.filename]
        return found.facts if isinstance(found, RemoteFacts) else found

    def _beside(self, dependency: LockedDependency, target: Target) -> Iterator[WheelFacts]:
        for (other, key), choice in self.chosen.items():
            facts = self._facts(choice)
            if key == target.key and other != dependency and not isinstance(facts, Exception):
                yield facts


def _choose(
    dependency: LockedDependency, files: ReleaseFiles | Exception, passport: Passport
) -> ChosenFile | Exception:
    if isinstance(files, Exception):
        return files
    return choose_file(dependency, files, passport.tags, passport.python)


def _look_up(
    dependencies: Iterable[LockedDependency], index: PackageIndex, say: Say
) -> dict[LockedDependency, ReleaseFiles | Exception]:
    """Return the files of every release, or why the index does not list them."""

    def files_of(dependency: LockedDependency) -> ReleaseFiles | Exception:
        try:
            project, version = index.listed(dependency.name), Version(dependency.version)
            if project is None or version not in project.versions:
                return PackageIndexError(
                    f"the package index has no release {dependency.title}; "
                    "--index-url names another index"
                )
            return ReleaseFiles(wheels=project.wheels(version), sdists=project.sdists(version))
        except PackageIndexError as error:
            return error

    dependencies, found = tuple(dependencies), dict[LockedDependency, ReleaseFiles | Exception]()
    tick = _ticker(len(dependencies), "releases looked up", say)
    with ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="releases") as pool:
        waiting = {pool.submit(files_of, dependency): dependency for dependency in dependencies}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            tick()
    return found


def _read_all(
    wheels: Sequence[LockedWheel], index: PackageIndex, cache: Cache, say: Say
) -> Mapping[str, _Read]:
    """Return the facts of each wheel by its file name, or why it cannot be read."""
    read: dict[str, _Read] = {}
    tick = _ticker(len(wheels), "wheels read", say)

    def failed(wheel: LockedWheel, error: Exception) -> None:
        read[wheel.filename] = error
        tick()

    for wheel, facts in read_wheels(wheels, index, cache, failed, Depth.NATIVE):
        read[wheel.filename] = facts
        tick()
    return read


def _ticker(total: int, what: str, say: Say) -> Callable[[], None]:
    """Return a function that counts, and prints the count at every ``PACE`` and at the end."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if done % PACE == 0 or done == total:
            say(f"{done} of {total} {what}")

    return tick
