"""Predict whether an application's locked dependencies install and load on targets (pure)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols, SystemLibrary
from harness.core.targets import Target
from harness.predict import predict
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.locks.application import LockedApplication, LockedDependency
from harness.wheels.locks.file_choice import ChosenFile


class DependencyState(StrEnum):
    """What becomes of a locked dependency on a target; the worst comes first."""

    NO_WHEEL = "no wheel"
    """No file of it can be installed there."""
    FAILS = "does not load"
    COMPILED = "compiled"
    """No wheel fits, and the installer compiles the sdist."""
    UNKNOWN = "unknown"
    """It could not be read."""
    LOADS = "loads"
    NOT_NEEDED = "not needed"
    """Its marker is false there."""


BAD = (DependencyState.NO_WHEEL, DependencyState.FAILS)
"""With one of them the application does not move to the target."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DependencyForecast:
    """What becomes of one dependency on one target."""

    dependency: LockedDependency
    target: Target
    state: DependencyState
    wheel: str = ""
    """File name; empty without a wheel."""
    reason: str = ""
    prediction: Prediction | None = None
    """Of the wheel, unless it loads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockOutlook:
    """What becomes of an application on targets."""

    application: LockedApplication
    targets: tuple[Target, ...]
    """Those with a recorded passport."""
    forecasts: tuple[DependencyForecast, ...]
    refusals: Mapping[str, str]
    """Target key → why the whole lock file is not for it."""
    unmeasured: tuple[str, ...]
    """Keys of the targets without a recorded passport."""
    fetched: int = 0
    """Bytes of the wheels that were requested from the index, now or before."""
    size: int = 0
    """Bytes of these wheels."""

    def of(self, target: Target) -> tuple[DependencyForecast, ...]:
        """Return the forecasts of one target, in the order of the lock file."""
        return tuple(each for each in self.forecasts if each.target.key == target.key)

    def moves(self, target: Target) -> bool:
        """Whether everything that the application needs there installs and loads."""
        fine = all(each.state not in BAD for each in self.of(target))
        return fine and target.key not in self.refusals


def forecast_without_wheel(
    dependency: LockedDependency, target: Target, chosen: ChosenFile
) -> DependencyForecast:
    """Return what becomes of a dependency that has no wheel for a target."""
    state = DependencyState.COMPILED if chosen.sdist else DependencyState.NO_WHEEL
    return DependencyForecast(
        dependency=dependency, target=target, state=state, reason=chosen.reason
    )


def forecast_wheel(
    dependency: LockedDependency,
    target: Target,
    facts: WheelFacts,
    passport: Passport,
    symbols: Symbols,
    beside: Callable[[], Iterable[WheelFacts]] = tuple,
) -> DependencyForecast:
    """Return what becomes of a dependency whose wheel the installer takes.

    ``beside`` returns the facts of the target's other wheels: a package can load libraries of
    another one (torch those of the nvidia projects). A wheel that installs no module, such as a
    package of stubs or of requirements, has nothing to load.
    """
    prediction = predict(facts, passport, symbols)
    if prediction.cause is Cause.MISSING_LIBRARY:
        prediction = predict(facts, _with_libraries(passport, beside()), symbols)
    loads = prediction.outcome is Outcome.PASS or prediction.cause is Cause.NO_MODULE
    return DependencyForecast(
        dependency=dependency,
        target=target,
        state=DependencyState.LOADS if loads else DependencyState.FAILS,
        wheel=facts.name.filename,
        prediction=None if loads else prediction,
    )


def _with_libraries(passport: Passport, wheels: Iterable[WheelFacts]) -> Passport:
    """Return the passport with the libraries of wheels, of whose symbols nothing is said."""
    known = {library.name for library in passport.libraries}
    names = {PurePosixPath(native.name).name for facts in wheels for native in facts.native}
    more = (SystemLibrary(name=name, path=f"site/{name}") for name in sorted(names - known))
    return replace(passport, libraries=(*passport.libraries, *more))
