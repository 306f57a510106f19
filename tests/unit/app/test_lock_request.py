"""Locked dependencies as subjects and cells."""

from dataclasses import replace

import pytest

from harness.app.lock_request import lock_candidates, needed_cells, require_plain
from harness.app.requested import ImportCheck
from harness.core.cells import Cell
from harness.core.errors import UsageError
from harness.core.passport import Passport
from harness.core.subjects import DependencyOptions, IndexSource
from harness.host.cache import Cache
from harness.wheels.locks.application import LockedApplication, LockedDependency
from harness.wheels.locks.stored import load_lock
from tests.support.forecasts import GLIBC, symbols
from tests.support.targets import make_target

LOCK = LockedApplication(
    path="there/requirements.txt",
    dependencies=(
        LockedDependency(name="numpy", version="2.0"),
        LockedDependency(name="colorama", version="1.0", markers=("sys_platform == 'win32'",)),
    ),
)
MEASURED, UNMEASURED = make_target("here/x86_64"), make_target("there/x86_64")


class OnePassport:
    """The passport of one target."""

    def recorded(self, target_key: str) -> Passport | None:
        return GLIBC if target_key == MEASURED.key else None

    def symbols(self, set_id: str) -> frozenset[str]:
        return symbols(set_id)


def cells_of(lock: LockedApplication, cache: Cache) -> tuple[Cell, ...]:
    candidates = lock_candidates([lock], DependencyOptions(), cache)
    return tuple(
        Cell(target=target, subject=each.subject)
        for each in candidates
        for target in (MEASURED, UNMEASURED)
    )


def test_each_dependency_is_a_subject(cache: Cache) -> None:
    """It takes its own dependencies from the lock; one that two locks have is one subject."""
    numpy, colorama = lock_candidates([LOCK, replace(LOCK, path="x")], DependencyOptions(), cache)
    assert (numpy.subject.id, numpy.subject.group) == ("numpy-2.0", "requirements.txt")
    assert numpy.subject.source == IndexSource(name="numpy", version="2.0")
    assert numpy.subject.dependencies == colorama.subject.dependencies
    assert numpy.subject.dependencies is not None
    assert load_lock(numpy.subject.dependencies.lock) == LOCK


def test_without_dependencies(cache: Cache) -> None:
    assert lock_candidates([LOCK], None, cache)[0].subject.dependencies is None


def test_cells_that_a_target_needs(cache: Cache) -> None:
    """Without a recorded passport a target has every cell."""
    left = needed_cells(cells_of(LOCK, cache), [LOCK], OnePassport())
    assert [cell.id for cell in left] == [
        "here/x86_64/numpy-2.0",
        "there/x86_64/numpy-2.0",
        "there/x86_64/colorama-1.0",
    ]
    assert needed_cells(left, [], OnePassport()) == left


def test_nothing_is_needed(cache: Cache) -> None:
    windows = replace(LOCK, dependencies=LOCK.dependencies[1:])
    (cell, _) = cells_of(windows, cache)
    with pytest.raises(UsageError, match="no selected target needs anything of the lock file"):
        needed_cells([cell], [windows], OnePassport())


@pytest.mark.parametrize(
    "check",
    [
        ImportCheck(imports=("x",)),
        ImportCheck(call="x"),
        ImportCheck(companions=(IndexSource(name="a", version="1"),)),
        ImportCheck(dependencies=DependencyOptions(files=("x",))),
        ImportCheck(dependencies=DependencyOptions(constraints=("x<1",))),
    ],
)
def test_options_of_wheels(check: ImportCheck) -> None:
    """A lock file decides all of that itself."""
    with pytest.raises(UsageError, match="a lock file has its own dependencies"):
        require_plain(check)
    require_plain(ImportCheck(dependencies=DependencyOptions()))
    with pytest.raises(UsageError, match="--against"):
        require_plain(ImportCheck(), against=True)
