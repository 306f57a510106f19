"""Predict whether an application's locked dependencies install and load on targets (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.core.targets import Target
from harness.predict import predict
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.locks.choice import ChosenFile
from harness.wheels.locks.pins import Pin, PinnedApplication


class PinState(StrEnum):
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


BAD = (PinState.NO_WHEEL, PinState.FAILS)
"""With one of them the application does not move to the target."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PinForecast:
    """What becomes of one dependency on one target."""

    pin: Pin
    target: Target
    state: PinState
    wheel: str = ""
    """File name; empty without a wheel."""
    reason: str = ""
    prediction: Prediction | None = None
    """Of the wheel, unless it loads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockOutlook:
    """What becomes of an application on targets."""

    application: PinnedApplication
    targets: tuple[Target, ...]
    """Those with a recorded passport."""
    forecasts: tuple[PinForecast, ...]
    refusals: Mapping[str, str]
    """Target key → why the whole lock file is not for it."""
    unmeasured: tuple[str, ...]
    """Keys of the targets without a recorded passport."""
    fetched: int = 0
    """Bytes of the wheels that were requested from the index, now or before."""
    size: int = 0
    """Bytes of these wheels."""

    def of(self, target: Target) -> tuple[PinForecast, ...]:
        """Return the forecasts of one target, in the order of the lock file."""
        return tuple(each for each in self.forecasts if each.target.key == target.key)

    def moves(self, target: Target) -> bool:
        """Whether everything that the application needs there installs and loads."""
        fine = all(each.state not in BAD for each in self.of(target))
        return fine and target.key not in self.refusals


def forecast_without_wheel(pin: Pin, target: Target, chosen: ChosenFile) -> PinForecast:
    """Return what becomes of a dependency that has no wheel for a target."""
    state = PinState.COMPILED if chosen.sdist else PinState.NO_WHEEL
    return PinForecast(pin=pin, target=target, state=state, reason=chosen.reason)


def forecast_wheel(
    pin: Pin, target: Target, facts: WheelFacts, passport: Passport, symbols: Symbols
) -> PinForecast:
    """Return what becomes of a dependency whose wheel the installer takes.

    One that installs no module, such as a package of stubs or of requirements, has nothing to load.
    """
    prediction = predict(facts, passport, symbols)
    loads = prediction.outcome is Outcome.PASS or prediction.cause is Cause.NO_MODULE
    return PinForecast(
        pin=pin,
        target=target,
        state=PinState.LOADS if loads else PinState.FAILS,
        wheel=facts.name.filename,
        prediction=None if loads else prediction,
    )
