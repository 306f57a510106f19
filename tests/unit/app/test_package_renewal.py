"""Renewal of package locks from a mirror that does not answer."""

from pathlib import Path

import pytest

from harness.app.package_renewal import renew_packages
from harness.app.wiring import read_matrix
from harness.images.debian.package_lock import format_lock, lock_path, make_lock
from harness.matrix.package_sets import package_sets
from tests.support.cli import write_matrix
from tests.support.workspace import a_package

FILES = {
    "targets": """\
targets:
  - {id: one, title: One, python: "3.11", libc: glibc, arches: [x86_64],
     assembled: {suite: bookworm, packages: [python3]}}
  - {id: two, title: Two, python: "3.13", libc: glibc, arches: [x86_64],
     assembled: {suite: trixie, packages: [python3]}}
""",
    "subjects": "subjects: [{id: wheel, group: g, index: demo==1.0, imports: [demo]}]\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a matrix with two locked suites, and a mirror that does not answer."""
    monkeypatch.setenv("WHEELGRID_DEBIAN_MIRRORS", "http://127.0.0.1:9/debian")
    monkeypatch.setenv("WHEELGRID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = write_matrix(tmp_path / "matrix", FILES)
    (made / "packages").mkdir()
    for wanted in package_sets(read_matrix(made)):
        lock = make_lock(wanted.suite, {wanted: [a_package("python3")]}, [])
        lock_path(made, wanted.suite).write_text(format_lock(lock))
    return made


def test_unfetchable_locks_stay_unchanged(folder: Path) -> None:
    """Both locks are unchanged, and the reason is reported."""
    before = {path: path.read_text() for path in (folder / "packages").iterdir()}
    renewed = renew_packages(read_matrix(folder), folder, print, accept_seen=False)
    assert renewed.texts == before
    assert all("127.0.0.1:9: no answer" in problem for problem in renewed.problems)


def test_unreadable_lock_does_not_affect_others(folder: Path) -> None:
    """Its file stays unchanged and is reported; the other lock is kept."""
    broken = lock_path(folder, "trixie")
    broken.write_text(broken.read_text() + "<<<<<<< HEAD\n")
    whole = lock_path(folder, "bookworm")
    said: list[str] = []
    renewed = renew_packages(read_matrix(folder), folder, said.append, accept_seen=False)
    assert renewed.texts == {whole: whole.read_text()}
    assert any(
        "trixie.lock" in line and "neither a set nor a package file" in line for line in said
    )
    assert f"{broken} stays unchanged: not all of its packages could be fetched" in renewed.problems
