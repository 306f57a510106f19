"""``wheelgrid remedy`` on replicas gives the conclusions of pypa/pip#10678.

The wheel is a fixture with the module names of the musllinux builder image for CPython 3.9.
"""

from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.host.cache import Cache
from harness.matrix.files import load_matrix
from harness.wheels.archive.contents import read_wheel
from harness.wheels.build import build_planned, load_project, plan_wheel
from tests.support.commands import Ended, wheelgrid
from tests.support.projects import FIXTURES
from tests.support.wheels import verify_record
from tests.support.workspace import make_workspace

pytestmark = pytest.mark.integration

DOCKER = "python-3.9-alpine3.14"
AS_RELEASED = "alpine-3.14-ga-pip-upgraded"
WITH_FALLBACK = "alpine-3.14-pip-upgraded"
BOTH = "both-x86_64-linux-musl"
HERE = ("--images", "replica", "--arch", "x86_64")
TARGETS = [word for name in (DOCKER, AS_RELEASED, WITH_FALLBACK) for word in ("--target", name)]


@pytest.fixture(scope="module")
def wheel(cache: Cache) -> Path:
    builder = load_matrix(FIXTURES.parent / "matrix").builder("musllinux_1_1")
    planned = plan_wheel(load_project(FIXTURES / "plain"), builder, find_arch("x86_64"), "3.9")
    return Path(build_planned(planned, make_workspace(cache)).path)


@pytest.fixture(scope="module")
def tried(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("tried")
    words = ("--out", folder / "grid", "--write", BOTH, "-o", folder / "fixed")
    ended = wheelgrid("remedy", wheel, *HERE, *TARGETS, *words, timeout=600)
    assert ended.status == 0, ended.said
    return ended


@pytest.mark.parametrize(
    ("variant", "docker", "as_released"),
    [
        ("unchanged", "✓", "I"),
        ("rename-x86_64-linux-musl", "I", "✓"),
        (BOTH, "✓", "✓"),
        ("bare", "✓", "✓"),
    ],
)
def test_outcome_of_each_variant(tried: Ended, variant: str, docker: str, as_released: str) -> None:
    """The official image reads only -gnu, Alpine as released only -musl, the update both."""
    (row,) = (
        text.split()
        for text in tried.out.splitlines()
        if text.startswith(f"  {variant} ") and text.split()[-1] in "✓I"
    )
    assert row == [variant, docker, as_released]


@pytest.mark.parametrize(
    ("remedy", "fixed", "broken", "run"),
    [
        (BOTH, 1, 0, "1/1"),
        ("bare", 1, 0, "1/1"),
        ("install-rename", 1, 0, "1/1"),
        ("install-symlink", 1, 0, "1/1"),
        ("rename-x86_64-linux-musl", 1, 1, "2/2"),
    ],
)
def test_remedy_table(tried: Ended, remedy: str, fixed: int, broken: int, run: str) -> None:
    """A new name alone breaks one target; a second name, or a change at install, none."""
    (row,) = (
        text.split()
        for text in tried.out.splitlines()
        if text.startswith(remedy) and "/" in text.split()[3]
    )
    assert row[1:4] == [str(fixed), str(broken), run]


def test_fixed_targets_are_named(tried: Ended) -> None:
    """Only Alpine as released is fixed; Alpine with the fallback needs no remedy."""
    assert f": {AS_RELEASED}/x86_64" in tried.out
    assert f"broken by rename-x86_64-linux-musl: {DOCKER}/x86_64" in tried.out
    assert f"{WITH_FALLBACK}/x86_64" not in tried.out.partition("fixed by")[2]


def test_write_gives_a_valid_wheel(tried: Ended) -> None:
    """``--write`` writes a valid wheel with the module under both names."""
    (line,) = (text for text in tried.err.splitlines() if text.startswith("written: "))
    written = Path(line.removeprefix("written: "))
    verify_record(written)
    assert {member.name for member in read_wheel(written).native} == {
        f"wheelgrid_plain/_impl.cpython-39-x86_64-linux-{libc}.so" for libc in ("gnu", "musl")
    }


def test_no_run_only_predicts(wheel: Path, tmp_path: Path) -> None:
    """``--no-run`` predicts the same and runs nothing."""
    words = ("--no-run", "--out", tmp_path / "grid", "--try", "both")
    ended = wheelgrid("remedy", wheel, *HERE, *TARGETS, *words)
    assert "0/1" in ended.out
    assert not (tmp_path / "grid").exists()
