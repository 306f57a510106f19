"""Stored resolutions of package sets."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.images.debian import PackageSet
from harness.images.debian.resolutions import Resolution, Resolutions
from tests.support.workspace import a_package

WANTED = PackageSet(suite="bookworm", arches=("s390x",), names=("python3",), depends=True)
PACKAGES = (a_package("python3", "3.11.2-1+b1"),)


def test_stored_resolution_is_found(tmp_path: Path) -> None:
    """Other sets do not match."""
    resolutions = Resolutions(tmp_path)
    resolutions.keep(WANTED, PACKAGES)
    recalled = resolutions.recall(WANTED)
    assert recalled is not None
    assert recalled.packages == PACKAGES
    assert recalled.is_valid(time.time())
    assert resolutions.recall(replace(WANTED, suite="trixie")) is None


def test_damaged_file_is_ignored(tmp_path: Path) -> None:
    """The index is queried again."""
    resolutions = Resolutions(tmp_path)
    resolutions.keep(WANTED, PACKAGES)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert resolutions.recall(WANTED) is None


@pytest.mark.parametrize(
    ("hours", "age", "valid"),
    [("24", 23 * 3600, True), ("24", 25 * 3600, False), ("0", 0, False), ("24", -60, False)],
)
def test_resolution_is_valid_for_some_hours(
    monkeypatch: pytest.MonkeyPatch, hours: str, age: int, *, valid: bool
) -> None:
    """The environment sets the hours; a resolution from the future is invalid."""
    monkeypatch.setenv("WHEELGRID_RESOLUTION_HOURS", hours)
    assert Resolution(packages=PACKAGES, at=1e9).is_valid(1e9 + age) is valid


def test_invalid_hours_are_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the wrong value and a valid one."""
    monkeypatch.setenv("WHEELGRID_RESOLUTION_HOURS", "daily")
    with pytest.raises(UsageError, match="'daily' is not a number of hours; unset it or use 24"):
        Resolution(packages=PACKAGES, at=0).is_valid(1)
