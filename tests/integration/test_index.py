"""The real package index: lock, choice, download and verification."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from packaging.tags import cpython_tags

from harness.core.errors import PackageIndexError
from harness.core.subjects import IndexSource
from harness.host.cache import Cache, file_sha256
from harness.wheels.archive.contents import read_wheel
from harness.wheels.archive.elf import ElfFacts
from harness.wheels.index.choose import choose_wheel
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import IndexLock, LockedWheel
from harness.wheels.index.renew import renew_lock
from tests.support.wheels import verify_record

pytestmark = pytest.mark.integration

MARKUPSAFE = IndexSource(name="markupsafe", version="3.0.2")
EMPTY = IndexLock(generated=date(2026, 1, 2), releases={})
DEBIAN_12 = tuple(map(str, cpython_tags((3, 11), platforms=["manylinux_2_17_x86_64"])))


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> IndexLock:
    """Pin the release as the index has it."""
    index = PackageIndex(Cache(tmp_path_factory.mktemp("cache")), EMPTY, print)
    return renew_lock([MARKUPSAFE], index)


@pytest.fixture
def chosen(lock: IndexLock) -> LockedWheel:
    """Choose the wheel that an installer on Debian 12 takes."""
    wheel = choose_wheel(lock.find(MARKUPSAFE) or (), DEBIAN_12, "3.11.2")
    assert wheel is not None
    return wheel


def test_a_locked_wheel_is_downloaded(lock: IndexLock, chosen: LockedWheel, tmp_path: Path) -> None:
    """The chosen wheel has the pinned digest, is well-formed, and fits the machine."""
    ref = PackageIndex(Cache(tmp_path), lock, print).fetch(chosen)
    path = Path(ref.path)
    assert file_sha256(path) == ref.sha256 == chosen.sha256
    assert ref.filename == (
        "MarkupSafe-3.0.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    )
    verify_record(path)
    (speedups,) = read_wheel(path).native
    assert isinstance(speedups.elf, ElfFacts)
    assert speedups.elf.machine == "EM_X86_64"
    assert "PyInit__speedups" in speedups.elf.exported


def test_a_wrong_digest_is_refused(lock: IndexLock, chosen: LockedWheel, tmp_path: Path) -> None:
    """A wheel with another digest is refused and not kept."""
    wrong = replace(chosen, sha256="0" * 64)
    with pytest.raises(PackageIndexError, match="serves other bytes than were pinned"):
        PackageIndex(Cache(tmp_path), lock, print).fetch(wrong)
    assert not list(tmp_path.rglob("*.whl"))


def test_an_unknown_release_is_reported(tmp_path: Path) -> None:
    """An unknown version is reported with the known versions."""
    with pytest.raises(PackageIndexError, match=r"no such release; it has .*3\.0\.2"):
        PackageIndex(Cache(tmp_path), EMPTY, print).lookup("markupsafe", "3.0.2.dev99")
