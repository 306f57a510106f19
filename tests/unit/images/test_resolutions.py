"""What a recipe came to is remembered for a day, and never believed when damaged."""

import time
from pathlib import Path

import pytest

from harness.arches import find_arch
from harness.errors import UsageError
from harness.images.debian_root import Package, write_recipe
from harness.images.resolutions import Resolution, Resolutions

RECIPE = write_recipe("bookworm", find_arch("s390x"), ("python3",))
PACKAGES = (Package(name="python3", version="3.11.2-1+b1"),)


def test_what_is_kept_is_recalled(tmp_path: Path) -> None:
    """By recipe: another one does not get it."""
    resolutions = Resolutions(tmp_path)
    resolutions.keep(RECIPE, PACKAGES)
    recalled = resolutions.recall(RECIPE)
    assert recalled is not None
    assert recalled.packages == PACKAGES
    assert recalled.is_fresh(time.time())
    assert resolutions.recall(write_recipe("trixie", RECIPE.arch, ("python3",))) is None


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    """A file cut short costs one question to the archive and nothing else."""
    resolutions = Resolutions(tmp_path)
    resolutions.keep(RECIPE, PACKAGES)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert resolutions.recall(RECIPE) is None


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
    with pytest.raises(UsageError, match="'daily' is not a number of hours; unset it or say 24"):
        Resolution(packages=PACKAGES, at=0).is_fresh(1)
