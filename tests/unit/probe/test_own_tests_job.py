"""What a cell gets for a project's own tests."""

from pathlib import Path

import pytest

from harness.core.errors import RoomError, UpstreamError
from harness.core.own_tests import OwnTests
from harness.probe.own_tests_job import own_tests_job
from harness.wheels.wheel_file import wheel_file
from tests.support.wheels import make_wheel


def test_job_has_files_and_packages(tmp_path: Path) -> None:
    """The archive is sent as it is, and what the tests require as it is installed."""
    (tmp_path / "tests.zip").write_bytes(b"zip")
    tests = OwnTests(command=("run",), archive=str(tmp_path / "tests.zip"), timeout=3)
    wheel = wheel_file(make_wheel(tmp_path, "needed", "x = 1"))
    job = own_tests_job(tests, (wheel,), b"bytecode")
    assert (job.command, job.timeout, job.files) == (("run",), 3, b"zip")
    assert b"needed/__init__.py" in job.packages or b"needed.py" in job.packages
    assert job.bytecode == b"bytecode"
    assert own_tests_job(OwnTests(command=("run",)), ()).packages == b""


def test_archive_that_is_gone_is_said(tmp_path: Path) -> None:
    """A cache may have been cleared between two halves of a run."""
    tests = OwnTests(command=("run",), archive=str(tmp_path / "gone.zip"))
    with pytest.raises(UpstreamError, match=r"gone from the cache; run the command again"):
        own_tests_job(tests, ())


def test_requirement_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Tests do not run without what they require."""
    path = tmp_path / "needed-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip")
    with pytest.raises(RoomError, match=r"needed-1\.0"):
        own_tests_job(OwnTests(command=("run",)), (wheel_file(path),))
