"""Dependencies that a lock file decides."""

from collections.abc import Callable
from pathlib import Path

import pytest
from urllib3 import Retry

from harness.core.errors import UsageError
from harness.core.subjects import DependencyOptions, FileSource, Subject
from harness.host.cache import Cache
from harness.wheels.build.wheelhouse import wheel_ref
from harness.wheels.dependencies.resolution import DependencyResolver
from harness.wheels.dependencies.resolver import DependencyRefusedError
from harness.wheels.index.client import IndexClient, IndexSettings
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import NOTHING_PINNED
from harness.wheels.locks.application import LockedApplication, LockedDependency
from harness.wheels.locks.stored import load_lock, store_lock
from tests.support.offers import files_of
from tests.support.passports import make_passport
from tests.support.released import Releases, sha256
from tests.support.wheels import make_wheel

HERE = make_passport(implementation="CPython", tags=("cp311-cp311-linux_s390x", "py3-none-any"))
Resolve = Callable[..., list[str]]


@pytest.fixture
def resolve(releases: Releases, tmp_path: Path, impatient: Retry, cache: Cache) -> Resolve:
    """Return a function that resolves a wheel with these requirements by a lock."""

    def resolved(*requires: str, locked: tuple[LockedDependency, ...]) -> list[str]:
        client = IndexClient(IndexSettings(endpoint=releases.index.endpoint), impatient)
        index = PackageIndex(cache, NOTHING_PINNED, lambda _: None, client)
        lock = store_lock(LockedApplication(path="r.txt", dependencies=locked), cache)
        wheel = make_wheel(tmp_path, "demo", "", requires=requires)
        subject = Subject(
            id="demo",
            group="tests",
            source=FileSource(paths=(str(wheel),)),
            imports=(),
            dependencies=DependencyOptions(lock=lock),
        )
        resolver = DependencyResolver(index, cache)
        return files_of(resolver.resolve(subject, wheel_ref(wheel), HERE))

    return resolved


def locked(
    name: str, version: str = "1.0", *, marker: str = "", data: bytes = b""
) -> LockedDependency:
    return LockedDependency(
        name=name,
        version=version,
        markers=(marker,) if marker else (),
        sha256=frozenset({sha256(data)}) if data else frozenset(),
    )


def test_version_is_that_of_the_lock(releases: Releases, resolve: Resolve) -> None:
    """Also of what a dependency asks for; newer releases and constraints of others do not count."""
    releases.add("a", "1.0", "b")
    releases.add("b", "1.0")
    releases.add("b", "2.0")
    both = (locked("a"), locked("b"), locked("c"))
    assert resolve("a", locked=both) == ["a-1.0-py3-none-any", "b-1.0-py3-none-any"]


def test_marker_chooses_the_version(releases: Releases, resolve: Resolve) -> None:
    """A lock for several Pythons has a release twice."""
    releases.add("a", "1.0")
    releases.add("a", "2.0")
    old = locked("a", "1.0", marker="python_full_version < '3.10'")
    new = locked("a", "2.0", marker="python_full_version >= '3.10'")
    assert resolve("a", locked=(old, new)) == ["a-2.0-py3-none-any"]


@pytest.mark.parametrize(
    "line",
    ['b; extra == "fast"', 'b>=1; extra == "fast" and python_version > "3"', "b; extra == 'x'"],
)
def test_locked_extra_is_installed(releases: Releases, resolve: Resolve, line: str) -> None:
    """Of the wheel itself and of its dependencies; an extra that is not locked is not."""
    releases.add("a", "1.0", line, 'gone; extra == "slow"')
    releases.add("b")
    both = ["a-1.0-py3-none-any", "b-1.0-py3-none-any"]
    assert resolve("a", locked=(locked("a"), locked("b"))) == both
    assert resolve(line, locked=(locked("b"),)) == ["b-1.0-py3-none-any"]
    assert resolve("a", locked=(locked("a"),)) == ["a-1.0-py3-none-any"]


@pytest.mark.parametrize(
    ("dependencies", "told"),
    [
        ((), "the lock file has no project a (demo 1.0 → a<3)"),
        ((locked("a", "3.0"),), "no release of a fits <3; the lock file has 3.0"),
        ((locked("a", data=b"other"),), "a 1.0 has no wheel for Linux; users cannot install it"),
        ((locked("a", marker="os_name == 'nt'"),), "the lock file has no project a"),
    ],
)
def test_what_the_lock_lacks_is_refused(
    releases: Releases, resolve: Resolve, dependencies: tuple[LockedDependency, ...], told: str
) -> None:
    """However well the index could serve it."""
    releases.add("a")
    with pytest.raises(DependencyRefusedError) as raised:
        resolve("a<3", locked=dependencies)
    assert told in str(raised.value)


def test_broken_line_is_reported(releases: Releases, resolve: Resolve) -> None:
    """It is the wheel's, and stays as it is."""
    releases.add("a")
    with pytest.raises(DependencyRefusedError, match="does not parse"):
        resolve('a; extra = "x"', locked=(locked("a"),))


def test_kept_lock_is_the_same(cache: Cache) -> None:
    """Its name is that of its content; a lost one is reported."""
    application = LockedApplication(
        path="r.txt",
        dependencies=(locked("a", marker="os_name == 'nt'", data=b"1"),),
        groups=frozenset({"web"}),
    )
    path = store_lock(application, cache)
    assert store_lock(application, cache) == path
    assert load_lock(path) == application
    with pytest.raises(UsageError, match="this kept lock is gone; run the command again"):
        load_lock(path + "x")
