"""Predict a lock file on targets: look up its releases, read the wheels in ranges, predict each.

What is read of a wheel is cached by the wheel's digest, so that an interrupted command goes on
where it stopped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from packaging.version import Version

from harness.core.errors import PackageIndexError
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.host.cache import Cache
from harness.predict.batch import Passports
from harness.predict.lock_outlook import (
    LockOutlook,
    PinForecast,
    PinState,
    forecast_wheel,
    forecast_without_wheel,
)
from harness.report.console import Say
from harness.wheels.dependencies.marker_environment import marker_environment
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LockedWheel
from harness.wheels.index.remote import Depth, RemoteFacts, read_wheels
from harness.wheels.locks.choice import ChosenFile, ReleaseFiles, choose_file
from harness.wheels.locks.pins import Pin, PinnedApplication

LOOKUPS_AT_ONCE = 8
PACE = 20
"""Releases or wheels between two lines of progress."""
_Read = RemoteFacts | Exception


def predict_lock(
    application: PinnedApplication,
    targets: Sequence[Target],
    passports: Passports,
    index: PackageIndex,
    cache: Cache,
    say: Say,
) -> LockOutlook:
    """Return what becomes of every pin on every target that has a recorded passport.

    A release that cannot be looked up and a wheel that cannot be read are unknown. Raises
    ``PassportError``.
    """
    measured = {t.key: p for t in targets if (p := passports.recorded(t.key))}
    environments = {key: marker_environment(each) for key, each in measured.items()}
    refusals = {
        key: refusal
        for key, environment in environments.items()
        if (refusal := application.refusal(environment))
    }
    pairs = [
        (pin, target)
        for pin in application.pins
        for target in targets
        if target.key in measured and target.key not in refusals
    ]
    needed = {(p, t.key) for p, t in pairs if application.needs(p, environments[t.key])}
    releases = _look_up(dict.fromkeys(p for p, t in pairs if (p, t.key) in needed), index, say)
    chosen = {(pin, key): _choose(pin, releases[pin], measured[key]) for pin, key in needed}
    files = (each.wheel for each in chosen.values() if isinstance(each, ChosenFile))
    wheels = {wheel.filename: wheel for wheel in files if wheel}
    read = _read_all([wheels[name] for name in sorted(wheels)], index, cache, say)

    def forecast(pin: Pin, target: Target) -> PinForecast:
        choice = chosen.get((pin, target.key))
        if choice is None:
            return PinForecast(pin=pin, target=target, state=PinState.NOT_NEEDED)
        if isinstance(choice, Exception):
            return _unknown(pin, target, choice)
        if choice.wheel is None:
            return forecast_without_wheel(pin, target, choice)
        facts = read[choice.wheel.filename]
        if isinstance(facts, Exception):
            return _unknown(pin, target, facts)
        passport = measured[target.key]
        return forecast_wheel(pin, target, facts.facts, passport, passports.symbols)

    return LockOutlook(
        application=application,
        targets=tuple(target for target in targets if target.key in measured),
        forecasts=tuple(forecast(pin, target) for pin, target in pairs),
        refusals=refusals,
        unmeasured=tuple(target.key for target in targets if target.key not in measured),
        fetched=sum(each.read for each in read.values() if isinstance(each, RemoteFacts)),
        size=sum(each.size for each in read.values() if isinstance(each, RemoteFacts)),
    )


def _unknown(pin: Pin, target: Target, error: Exception) -> PinForecast:
    return PinForecast(pin=pin, target=target, state=PinState.UNKNOWN, reason=str(error))


def _choose(
    pin: Pin, files: ReleaseFiles | Exception, passport: Passport
) -> ChosenFile | Exception:
    if isinstance(files, Exception):
        return files
    return choose_file(pin, files, passport.tags, passport.python)


def _look_up(
    pins: Iterable[Pin], index: PackageIndex, say: Say
) -> dict[Pin, ReleaseFiles | Exception]:
    """Return the files of every release, or why the index does not say them."""

    def files_of(pin: Pin) -> ReleaseFiles | Exception:
        try:
            project, version = index.listed(pin.name), Version(pin.version)
            if project is None:
                return PackageIndexError(f"the package index has no project {pin.name}")
            return ReleaseFiles(wheels=project.wheels(version), sdists=project.sdists(version))
        except PackageIndexError as error:
            return error

    pins, found = tuple(pins), dict[Pin, ReleaseFiles | Exception]()
    tick = _ticker(len(pins), "releases looked up", say)
    with ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="releases") as pool:
        waiting = {pool.submit(files_of, pin): pin for pin in pins}
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
    """Return a function that counts, and says the count at every ``PACE`` and at the end."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if done % PACE == 0 or done == total:
            say(f"{done} of {total} {what}")

    return tick
