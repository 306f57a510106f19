"""Open what predictions and probes read: matrix, locks, index, passports, wheels.

``engine_wiring`` has what needs the container engine.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache as once
from pathlib import Path

from pydantic import TypeAdapter

from harness.core.arches import Arch
from harness.core.cells import Matrix
from harness.core.engine_places import EnginePlace
from harness.core.subjects import FixtureSource, WheelRef
from harness.core.targets import ImageWay
from harness.host.cache import Cache, default_cache_root
from harness.host.package_data import fixture_names, fixtures_folder, matrix_folder
from harness.matrix.config.config_file import read_config
from harness.matrix.config.config_rows import read_rows
from harness.matrix.files import load_matrix
from harness.passports.book import PassportBook
from harness.probe.result_keys import PROBE_LIMITS, ProbeLimits
from harness.wheels.facts_reader import WheelReader
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LOCK_NAME, IndexLock, read_lock
from harness.wheels.provider import FixtureBuild, WheelProvider

PROJECT_PASSPORTS = "wheelgrid-passports"
"""Folder beside a project's configuration, in which its passports are recorded."""
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


def read_matrix(folder: Path, config: Path | None = None) -> Matrix:
    """Return the matrix in ``folder``; its fixtures must be projects of this program.

    ``config``: the project's configuration, whose own targets are added. Raises
    ``MatrixFileError`` with the problems of all files.
    """
    rows = read_rows(read_config(config)) if config else None
    return load_matrix(folder, fixture_names(), rows)


def open_index(lock: IndexLock, announce: Callable[[str], None]) -> PackageIndex:
    """Return the package index with the releases that ``lock`` pins."""
    return PackageIndex(Cache(default_cache_root(), announce), lock, announce=announce)


def open_pinned(options: ProberOptions, announce: Callable[[str], None]) -> PackageIndex:
    """Return the package index with the releases that the matrix pins.

    Raises ``MatrixFileError`` for a broken lock file.
    """
    return open_index(read_lock(options.matrix_folder / LOCK_NAME), announce)


def open_passports(folder: Path, config: Path | None = None) -> PassportBook:
    """Return the recorded passports of the matrix folder.

    With a project's configuration, those that are recorded beside it come first, and new ones
    are recorded there.
    """
    shipped = PassportBook(folder / "passports")
    return (
        PassportBook(config.absolute().parent / PROJECT_PASSPORTS, shipped) if config else shipped
    )


def open_reader() -> WheelReader:
    """Return the reader of wheel facts, which the cache keeps."""
    return WheelReader(Cache(default_cache_root()))


def open_provider(matrix: Matrix, options: ProberOptions, index: PackageIndex) -> WheelProvider:
    """Return the wheel provider for predictions: it runs no builder images."""

    @once
    def fixture_wheels() -> FixtureBuild:
        # Few predictions ask for a fixture wheel, and these take 0.3 s to import.
        from harness.app.engine_wiring import open_workspace  # noqa: PLC0415
        from harness.wheels.build.fixture_wheels import FixtureWheels  # noqa: PLC0415

        workspace = open_workspace(options.matrix_folder, lambda _: None)
        return FixtureWheels(matrix, fixtures=options.fixtures, workspace=workspace)

    def build(source: FixtureSource, arch: Arch, python: str) -> WheelRef:
        return fixture_wheels()(source, arch, python)

    return WheelProvider(index=index, cache=Cache(default_cache_root()), build=build)
