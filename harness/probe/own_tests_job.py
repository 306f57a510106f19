"""Gather what a cell needs for a project's own tests: command, files and requirements."""

from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import RoomError, UpstreamError
from harness.core.own_tests import OwnTests
from harness.core.subjects import WheelRef
from harness.probe.jobs import OwnTestsJob
from harness.wheels.install_layout import companion_archive


def own_tests_job(
    tests: OwnTests, requires: Sequence[WheelRef], bytecode: bytes = b""
) -> OwnTestsJob:
    """Return the job of tests; ``requires`` are the wheels that only they need.

    ``bytecode`` is that of these wheels, if their target is emulated.

    Raises ``UpstreamError`` if their files are gone from the cache, and ``RoomError`` for wheels
    that are too large.
    """
    packages = companion_archive(tuple(requires))
    if requires and not packages:
        raise RoomError(
            "what the tests require is too large to be installed, or one of its wheels is damaged: "
            f"{', '.join(wheel.filename for wheel in requires)}"
        )
    try:
        files = Path(tests.archive).read_bytes() if tests.archive else b""
    except OSError as error:
        raise UpstreamError(
            f"{tests.archive}: the tests' files are gone from the cache; run the command again"
        ) from error
    return OwnTestsJob(
        command=tests.command,
        timeout=tests.timeout,
        files=files,
        packages=packages,
        bytecode=bytecode,
    )
