"""Open what predictions and probes read: matrix, locks, index, passports, wheels.

``engine_wiring`` has what needs the container engine.
"""

from collections.abc import Callable
from functools import cache as once
from pathlib import Path

from harness.app.prober_options import ProberOptions
from harness.core.arches import Arch
from harness.core.cells import Matrix
from harness.core.subjects import FixtureSource, WheelRef
from harness.host.cache import Cache, default_cache_root
from harness.host.package_data import fixture_names
from harness.matrix.config.config_file import read_config
from harness.matrix.config.config_rows import read_rows
from harness.matrix.files import load_matrix
from harness.passports.book import PassportBook
from harness.wheels.facts_reader import WheelReader
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LOCK_NAME, IndexLock, read_lock
from harness.wheels.provider import FixtureBuild, WheelProvider

PROJECT_PASSPORTS = "wheelgrid-passports"
"""Folder beside a project's configuration, in which its passports are recorded."""


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
        from harness.app.workspace import open_workspace  # noqa: PLC0415
        from harness.wheels.build.fixture_wheels import FixtureWheels  # noqa: PLC0415

        workspace = open_workspace(options.matrix_folder, lambda _: None)
        return FixtureWheels(matrix, fixtures=options.fixtures, workspace=workspace)

    def build(source: FixtureSource, arch: Arch, python: str) -> WheelRef:
        return fixture_wheels()(source, arch, python)

    return WheelProvider(index=index, cache=Cache(default_cache_root()), build=build)
