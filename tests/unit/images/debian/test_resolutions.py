"""What a set of packages came to is remembered for a day, and never believed when damaged."""

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


def test_what_is_kept_is_recalled(tmp_path: Path) -> None:
    """By set: another one does not get it."""
    resolutions = Resolutions(tmp_path)
    resolutions.keep(WANTED, PACKAGES)
    recalled = resolutions.recall(WANTED)
    assert recalled is not None
    assert recalled.packages == PACKAGES
    assert recalled.is_fresh(time.time())
    assert resolutions.recall(replace(WANTED, suite="trixie")) is None


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    """A file cut short costs one question to the index and nothing else."""
    resolutions = Resolutions(tmp_path)
    resolutions.keep(WANTED, PACKAGES)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert resolutions.recall(WANTED) is None


@pytest.mark.parametrize(
    ("hours", "age", "fresh"),
    [("24", 23 * 3600, True), ("24", 25 * 3600, False), ("0", 0, False), ("24", -60, False)],
)
def test_it_is_fresh_for_some_hours(
    monkeypatch: pytest.MonkeyPatch, hours: str, age: int, *, fresh: bool
) -> None:
    """The environment says how many; one from the future is not trusted."""
    monkeypatch.setenv("WHEELGRID_RESOLUTION_HOURS", hours)
    assert Resolution(packages=PACKAGES, at=1e9).is_fresh(1e9 + age) is fresh


def test_hours_are_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong setting is named together with a right one."""
    monkeypatch.setenv("WHEELGRID_RESOLUTION_HOURS", "daily")
    with pytest.raises(UsageError, match="'daily' is not a number of hours; unset it or use 24"):
        Resolution(packages=PACKAGES, at=0).is_fresh(1)
