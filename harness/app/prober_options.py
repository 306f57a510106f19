"""The options of a prober, and the environment variables of runs."""

from dataclasses import dataclass, field
from functools import cache as once
from pathlib import Path

from pydantic import TypeAdapter

from harness.core.engine_places import EnginePlace
from harness.core.targets import ImageWay
from harness.host.package_data import fixtures_folder, matrix_folder
from harness.probe.result_keys import PROBE_LIMITS, ProbeLimits

TURN = "WHEELGRID_TURN"
"""Environment variable: the number of a Dask worker, which balances its engines."""
LATEST = "WHEELGRID_LATEST"
"""Environment variable: use the distribution's current index instead of the locks."""


IMAGE_CHOICES = {
    "auto": tuple(ImageWay),
    "local": (ImageWay.ASSEMBLED, ImageWay.REPLICA),
    **{way.value: (way,) for way in ImageWay},
}
"""Values of ``--images`` → ways to obtain an image, in the order of the attempts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProberOptions:
    """The options of a prober."""

    matrix_folder: Path = field(default_factory=matrix_folder)
    config: Path | None = None
    """The project's configuration, whose own targets are added to the matrix."""
    fixtures: Path = field(default_factory=fixtures_folder)
    images: str = "auto"
    """One of ``IMAGE_CHOICES``."""
    registry: str = ""
    """``HOST/PREFIX`` of the mirror for registry images."""
    limits: ProbeLimits = PROBE_LIMITS
    runtime: str = ""
    """OCI runtime of the containers; empty for the engine's own choice."""
    require_hardening: bool = False
    """Raise for a target on which the engine does not enforce all of the hardening."""
    require_nogil: bool = False
    """Fail a wheel whose import switches the GIL of a free-threaded Python on."""
    canaries: bool = False
    """Probe the canaries of every target of which a cell is measured."""
    engines: tuple[EnginePlace, ...] = ()
    """Engines beside this machine's, which serve one arch each."""


@once
def _adapter() -> TypeAdapter[ProberOptions]:
    return TypeAdapter(ProberOptions)


def options_word(options: ProberOptions) -> str:
    """Return the options as a word of a command line, for processes that this one starts."""
    return _adapter().dump_json(options).decode()


def read_options(word: str) -> ProberOptions:
    """Return the options that ``options_word`` wrote."""
    return _adapter().validate_json(word)
