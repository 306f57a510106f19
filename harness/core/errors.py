"""The errors that a user can act on, each with its exit code.

    HarnessError                      2   (base; not raised itself)
    ├── UsageError                    2   an argument, a cell id, a selection
    ├── MatrixFileError               2   matrix/*.yaml, a project's configuration: all problems
    ├── WheelError                    2   a file that is no wheel, or is not fit to be changed
    ├── PassportError                 2   a recorded passport that cannot be read or written
    ├── results.runfile.RunFileError  2   run.json cannot be written or read
    ├── results.query.QueryError      2   a query that does not parse, with its column
    ├── store.StoreError              2   a store that is damaged, too new, or cannot be written
    └── InfrastructureError           3   (base) not the wheel's fault: the cells are misses
        ├── EngineError               3   the container engine or the emulation does not work
        │   └── ImageError            3   one target image cannot be obtained
        │       └── MachineError      3   a session is not on the machine that was asked for
        ├── PackageIndexError         3   the index lacks a pinned file, or has other bytes
        │   └── UnknownProjectError   3   the index has no project of that name
        ├── RoomError                 3   a wheel's dependencies are larger than a cell's disk
        ├── UpstreamError             3   the distribution lacks a pinned file, or has other bytes
        ├── ClusterError              3   no Dask scheduler answers, or no worker fits
        ├── host.cache.CacheError     3   the cache cannot be written: the disk is full
        └── BuildError                4   a fixture project does not build

A message says what is wrong, where, and the next step. ``cli`` catches ``HarnessError`` in one
place and prints it, so a user never sees a traceback for an error of their own.
"""

from enum import IntEnum

from harness.core.causes import Cause
from harness.core.cells import Stage
from harness.core.passport import Passport


class ExitCode(IntEnum):
    """Exit codes. Their meaning is part of the command line's contract."""

    AS_EXPECTED = 0
    UNEXPECTED = 1
    USAGE = 2
    NOTHING_CAN_BE_SAID = 3
    BUILD_FAILED = 4
    INTERRUPTED = 130


class HarnessError(Exception):
    """An error with a message for the user."""

    exit_code = ExitCode.USAGE


class UsageError(HarnessError):
    """The command line names something that does not exist."""


class MatrixFileError(HarnessError):
    """Problems in the matrix files or in a project's configuration.

    One line each: ``file:line:col: path: what``.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class WheelError(HarnessError):
    """A file is no zip archive, is not named like a wheel, or is too defective to be rewritten."""


class PassportError(HarnessError):
    """A recorded passport is damaged, or has another format version."""


class InfrastructureError(HarnessError):
    """Something other than the wheel failed, so the cells concerned are misses.

    ``cause`` and ``stage`` are those of the misses.
    """

    exit_code = ExitCode.NOTHING_CAN_BE_SAID
    cause = Cause.ENGINE
    stage = Stage.WHEEL


class EngineError(InfrastructureError):
    """The container engine or the emulation does not work."""

    stage = Stage.IMAGE


class ImageError(EngineError):
    """An image is unavailable."""

    def __init__(self, message: str, *, cause: Cause = Cause.IMAGE) -> None:
        super().__init__(message)
        self.cause = cause


class ClusterError(InfrastructureError):
    """A Dask scheduler or its workers cannot be used."""


class MachineError(ImageError):
    """A session is not on the machine that was asked for.

    ``passport`` is what it would have there, as far as known: predictions can still be made.
    """

    def __init__(self, message: str, passport: Passport | None = None) -> None:
        super().__init__(message, cause=Cause.MACHINE)
        self.passport = passport


class PackageIndexError(InfrastructureError):
    """The package index lacks a pinned file, or serves other bytes than were pinned."""

    cause = Cause.INDEX


class UnknownProjectError(PackageIndexError):
    """The index has no project of that name."""


class RoomError(InfrastructureError):
    """The wheels of a cell are larger than the disk of its container."""

    cause = Cause.SPACE
    stage = Stage.INSTALL


class UpstreamError(InfrastructureError):
    """The distribution's mirrors and archive do not serve the packages of an image or a wheel."""

    cause = Cause.UPSTREAM


class BuildError(InfrastructureError):
    """A fixture project does not build."""

    exit_code = ExitCode.BUILD_FAILED
    cause = Cause.BUILD
