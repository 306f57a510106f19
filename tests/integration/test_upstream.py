"""The distribution through the real apt and mmdebstrap, from a mirror that is torn on purpose."""

import multiprocessing
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness.core.errors import UpstreamError
from harness.core.targets import Suite
from harness.host.cache import Cache
from harness.host.download import Downloader
from harness.images.cpython import sources
from harness.images.cpython.sources import find_source
from harness.images.debian import Package, PackageSet, SourceChoice, Upstream, Workspace, apt_index
from harness.images.debian import upstream as upstream_module
from harness.images.debian.lock_renewal import renew_locks
from harness.images.debian.mirrors import Mirrors
from harness.images.debian.package_lock import SuiteLock, make_lock
from harness.images.debian.upstream import KIND, Settings, cached_name
from harness.wheels.build import headers
from tests.support.mirror import (
    SUITE,
    Distribution,
    Fault,
    Key,
    Served,
    busy,
    gone,
    half,
    hanging,
    make_key,
    serve,
    slow,
    times,
    wrong_bytes,
)

pytestmark = pytest.mark.integration

NATIVE, FOREIGN = "amd64", "s390x"
CHANGES = """\
demo (1.0-2) unstable; urgency=medium

demo (1.0-1) unstable; urgency=medium
"""
SOURCE = SourceChoice(name="demo", suites=(SUITE,))


def wanted(arch: str = FOREIGN) -> PackageSet:
    return PackageSet(suite=SUITE, arches=(arch,), names=("tool",), depends=True)


@pytest.fixture
def _engine_first() -> None:
    """Need no engine, in the place of the fixture that asks for one."""


@pytest.fixture(scope="module")
def key() -> Iterator[Key]:
    with make_key() as made:
        yield made


@pytest.fixture
def distribution(tmp_path: Path, key: Key) -> Distribution:
    """Return a distribution whose pool and index agree: ``tool`` needs ``libdemo``."""
    made = Distribution(root=tmp_path / "mirror", key=key)
    for arch in (NATIVE, FOREIGN):
        made.add("libdemo", "1.0-1", arch, changelog=CHANGES)
        made.add("tool", "2:1.0", arch, depends="libdemo, data")
    made.add("data", "3", "all")
    made.add_source("demo", "1.0", "demo-1.0")
    made.publish()
    return made


@pytest.fixture
def mirror(distribution: Distribution) -> Iterator[Served]:
    with serve(distribution.root) as served:
        yield served


@dataclass(kw_only=True)
class World:
    """What one process sees of the distribution."""

    upstream: Upstream
    cache: Cache
    said: list[str]

    @property
    def workspace(self) -> Workspace:
        return Workspace(cache=self.cache, upstream=self.upstream, announce=self.said.append)


def look(
    folder: Path,
    key: Key,
    *mirrors: Served,
    lock: SuiteLock | None = None,
    suite: Suite | None = None,
    latest: bool = False,
    archive: str = "",
) -> World:
    said: list[str] = []
    cache = Cache(folder / "cache")
    settings = Settings(
        locks={SUITE: lock} if lock else {},
        suites={SUITE: suite} if suite else {},
        latest=latest,
    )
    downloader = Downloader(deadline=6, silence=0.5, first_pause=0.01)
    made = Upstream(settings, cache, said.append, downloader)
    made.mirrors = Mirrors(
        mirrors=tuple(served.address for served in mirrors),
        archive=archive,
        keyring=str(key.keyring),
    )
    return World(upstream=made, cache=cache, said=said)


def locked(folder: Path, key: Key, mirror: Served, arch: str = FOREIGN) -> SuiteLock:
    """Return a lock of what the mirror has now; nothing is in the cache of a test by that."""
    world = look(folder / "locking", key, mirror)
    renewal = renew_locks([wanted(arch)], [SOURCE], {}, world.upstream, accept_seen=False)
    assert renewal.problems == ()
    mirror.asked.clear()
    return renewal.locks[SUITE]


def names(packages: tuple[Package, ...]) -> list[str]:
    return [f"{package.name} {package.version}" for package in packages]


# --- the lock -------------------------------------------------------------------------------


def test_a_locked_set_needs_no_index(tmp_path: Path, key: Key, mirror: Served) -> None:
    """Only its files are downloaded, once; from the cache they cost no request at all."""
    lock = locked(tmp_path, key, mirror)
    taken, files = look(tmp_path, key, mirror, lock=lock).upstream.fetch(wanted())
    assert names(taken.packages) == ["data 3", "libdemo 1.0-1", "tool 2:1.0"]
    assert taken.note == ""
    assert mirror.count("dists/") == 0
    assert mirror.count(".deb") == len(files) == 3
    mirror.asked.clear()
    again = look(tmp_path, key, mirror, lock=lock).upstream.fetch(wanted())
    assert again == (taken, files)
    assert mirror.count() == 0


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        (times(1, half), 2),
        (times(2, busy(503)), 3),
        (times(1, busy(429, Retry_After="0")), 2),
        (times(1, hanging(1.0)), 2),
    ],
    ids=["half", "503", "429", "silent"],
)
def test_passing_trouble_is_waited_for(
    tmp_path: Path, key: Key, mirror: Served, fault: Fault, requests: int
) -> None:
    """The same file is asked for again, and everything is as locked."""
    lock = locked(tmp_path, key, mirror)
    mirror.faults["libdemo_"] = fault
    taken, _ = look(tmp_path, key, mirror, lock=lock).upstream.fetch(wanted())
    assert taken.note == ""
    assert mirror.count("libdemo_") == requests


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (wrong_bytes, "it cannot be fetched (other bytes)"),
        (half, "it cannot be fetched (cut short"),
        (busy(429, Retry_After="3600"), "it cannot be fetched (busy (429))"),
        (busy(503), "it cannot be fetched (busy (503))"),
        (hanging(1.0), "it cannot be fetched (no answer"),
        (gone, "no mirror has it (404)"),
    ],
    ids=["wrong bytes", "half", "429 for an hour", "503", "silent", "404"],
)
def test_lasting_trouble_is_told_by_its_reason(
    tmp_path: Path, key: Key, mirror: Served, fault: Fault, reason: str
) -> None:
    """No file of the set is replaced by another: it is not fetched, and the reason is reported."""
    lock = locked(tmp_path, key, mirror)
    mirror.faults["libdemo_"] = fault
    with pytest.raises(UpstreamError) as caught:
        look(tmp_path, key, mirror, lock=lock).upstream.fetch(wanted())
    assert f"the lock names libdemo 1.0-1 for s390x, {reason}" in str(caught.value)
    assert not re.search(r"mmdebstrap|exit status|http:", str(caught.value))


def test_the_second_mirror_serves_where_the_first_does_not(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """A bad file of the first is not taken, and a first that is silent is asked no more."""
    lock = locked(tmp_path, key, mirror)
    with serve(distribution.root) as second:
        mirror.faults["libdemo_"] = wrong_bytes
        taken, _ = look(tmp_path, key, mirror, second, lock=lock).upstream.fetch(wanted())
        assert (taken.note, second.count(".deb")) == ("", 1)
        mirror.stop()
        taken, _ = look(tmp_path / "b", key, mirror, second, lock=lock).upstream.fetch(wanted())
        assert (taken.note, second.count(".deb")) == ("", 4)


def test_a_mirror_that_vanishes_in_the_middle(tmp_path: Path, key: Key, mirror: Served) -> None:
    """What came before is kept; nothing is said of the set, and in time."""
    lock = locked(tmp_path, key, mirror)
    world = look(tmp_path, key, mirror, lock=lock)
    world.upstream.file(next(package for package in lock.files if package.name == "data"))
    mirror.stop()
    with pytest.raises(UpstreamError, match=r"no answer \(NewConnectionError\)"):
        world.upstream.fetch(wanted())
    assert len(world.cache.entries(KIND)) == 1


def test_the_archive_of_old_states_serves_where_all_else_is_gone(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """It is asked for the state at the end of the day that the lock names."""
    lock = locked(tmp_path, key, mirror)
    day = next(iter(lock.files)).day.replace("-", "")
    old = tmp_path / "archive" / f"{day}T235959Z"
    old.parent.mkdir()
    (distribution.root / "pool").rename(tmp_path / "pool")
    old.mkdir()
    (tmp_path / "pool").rename(old / "pool")
    with serve(tmp_path / "archive") as archive:
        world = look(tmp_path, key, mirror, lock=lock, archive=f"{archive.address}/@SNAPSHOTID@/")
        taken, _ = world.upstream.fetch(wanted())
        assert taken.note == ""
        assert world.upstream.source(SOURCE)[0].version == "1.0-1"
        assert archive.count(".deb") == 3


def test_a_set_that_is_gone_is_resolved_anew_whole(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """Pool and index went on: today's packages are taken, no mixture, and the note says so."""
    lock = locked(tmp_path, key, mirror)
    for path in list(distribution.stanzas):
        if "libdemo" in path:
            (distribution.root / path).unlink()
            del distribution.stanzas[path]
    distribution.add("libdemo", "1.0-2", FOREIGN)
    day = distribution.publish()
    world = look(tmp_path, key, mirror, lock=lock)
    taken, _ = world.upstream.fetch(wanted())
    assert names(taken.packages) == ["data 3", "libdemo 1.0-2", "tool 2:1.0"]
    assert taken.note == (
        f"resolved anew from the index of {day}, since Debian demo for s390x: the lock names "
        "libdemo 1.0-1 for s390x, but no mirror has it (404)"
    )
    mirror.asked.clear()
    assert world.upstream.fetch(wanted())[0] == taken
    assert mirror.count() == 0, "one failure is one failure"


# --- the index ------------------------------------------------------------------------------


def run_ahead(distribution: Distribution) -> str:
    """Publish an index that names a libdemo for s390x that only amd64's pool has."""
    for path in [path for path in distribution.stanzas if "libdemo" in path]:
        del distribution.stanzas[path]
    for arch in (NATIVE, FOREIGN):
        deb = distribution.add("libdemo", "1.0-2", arch, changelog=CHANGES)
        if arch == FOREIGN:
            deb.unlink()
    return distribution.publish()


def test_an_index_ahead_of_its_pool(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """What is pinned is there still; what is not pinned is told by what the pool lacks."""
    lock = locked(tmp_path, key, mirror)
    day = run_ahead(distribution)
    assert look(tmp_path, key, mirror, lock=lock).upstream.fetch(wanted())[0].note == ""
    torn = f"the mirror's index of {day} names libdemo 1.0-2 for s390x, but its pool lacks it (404)"
    with pytest.raises(UpstreamError, match=re.escape(torn)):
        look(tmp_path / "b", key, mirror).upstream.fetch(wanted())
    newest = look(tmp_path / "c", key, mirror, lock=lock, latest=True).upstream.fetch(wanted())[0]
    assert names(newest.packages) == ["data 3", "libdemo 1.0-1", "tool 2:1.0"]
    assert newest.note == f"as locked on {day}, since Debian demo for s390x: {torn}"


@pytest.mark.parametrize("which", ["latest", "rolling"])
def test_what_follows_the_index_takes_its_packages(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served, which: str
) -> None:
    """``--latest``, and a suite that changes every day: the lock is not what comes first."""
    lock = locked(tmp_path, key, mirror)
    distribution.add("data", "4", "all")
    distribution.publish()
    rolling = Suite(id=SUITE, rolling=which == "rolling")
    world = look(tmp_path, key, mirror, lock=lock, suite=rolling, latest=which == "latest")
    taken, _ = world.upstream.fetch(wanted())
    assert names(taken.packages)[0] == "data 4"
    assert taken.note == ""


def test_an_index_past_its_date_is_for_closed_suites(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """A frozen mirror could hold back updates; where none can come, the date says nothing."""
    distribution.publish(days=10, valid=3)
    with pytest.raises(UpstreamError, match=r"the index of Debian demo .*: it is past its date"):
        look(tmp_path, key, mirror).upstream.fetch(wanted())
    closed = Suite(id=SUITE, closed=True)
    taken, _ = look(tmp_path / "b", key, mirror, suite=closed).upstream.fetch(wanted())
    assert len(taken.packages) == 3
    world = look(tmp_path / "c", key, mirror)
    world.upstream.mirrors = replace(world.upstream.mirrors, accept_expired=True)
    assert world.upstream.fetch(wanted())[0].packages == taken.packages


def test_an_index_that_nobody_signed_is_not_believed(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """Neither an unsigned one nor one that another key signed."""
    distribution.publish(signed=False)
    with pytest.raises(UpstreamError, match=r"the index of Debian demo for s390x at 127"):
        look(tmp_path, key, mirror).upstream.fetch(wanted())
    with make_key() as distribution.key:
        distribution.publish()
    with pytest.raises(UpstreamError, match="signed by an untrusted key"):
        look(tmp_path / "b", key, mirror).upstream.fetch(wanted())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (gone, "does not have a Release file"),
        (busy(429, Retry_After="3600"), "busy (429)"),
        (busy(503), "busy (503)"),
        (wrong_bytes, "the index of Debian demo for s390x at 127.0.0.1:"),
        (hanging(1.0), "no answer (ReadTimeoutError)"),
    ],
    ids=["404", "429", "503", "wrong bytes", "silent"],
)
def test_a_rolling_suite_without_its_index_is_as_locked(
    tmp_path: Path,
    key: Key,
    mirror: Served,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    reason: str,
) -> None:
    """The note says why; asked again in the same run, the index is not tried again."""
    monkeypatch.setattr(apt_index, "INDEX_SECONDS", 3)
    lock = locked(tmp_path, key, mirror)
    mirror.faults["dists/"] = fault
    world = look(tmp_path, key, mirror, lock=lock, suite=Suite(id=SUITE, rolling=True))
    taken, _ = world.upstream.fetch(wanted())
    assert names(taken.packages) == ["data 3", "libdemo 1.0-1", "tool 2:1.0"]
    assert taken.note.startswith("as locked on 20")
    assert reason in taken.note
    mirror.asked.clear()
    assert world.upstream.fetch(wanted())[0] == taken
    assert mirror.count() == 0


@pytest.mark.parametrize(
    ("part", "fault"),
    [("InRelease", busy(503)), ("InRelease", gone), ("Packages", wrong_bytes), ("Packages", gone)],
    ids=["503", "404", "other list", "no list"],
)
def test_the_index_of_the_second_mirror_serves(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served, part: str, fault: Fault
) -> None:
    """The first mirror whose index is good is believed."""
    mirror.faults[part] = fault
    mirror.faults["Release"] = fault
    with serve(distribution.root) as second:
        taken, _ = look(tmp_path, key, mirror, second).upstream.fetch(wanted())
        assert names(taken.packages) == ["data 3", "libdemo 1.0-1", "tool 2:1.0"]
        assert second.count("Packages") == 1


def test_a_package_that_no_index_names_is_named(tmp_path: Path, key: Key, mirror: Served) -> None:
    """A typing error in the matrix is told from a mirror that is torn."""
    with pytest.raises(UpstreamError, match=r"Unable to locate package toll$"):
        look(tmp_path, key, mirror).upstream.fetch(replace(wanted(), names=("toll",)))


def test_the_oldest_of_several_packages_is_taken(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """By number, as ``libstdc++-*-dev`` is asked for: 9 is older than 12."""
    for name in ("libc++-12-dev", "libc++-9-dev", "libc++-9-dev-s390x-cross"):
        distribution.add(name, "1", FOREIGN)
    distribution.publish()
    glob = replace(wanted(), names=(f"libc++-*-dev:{FOREIGN}",), depends=False)
    taken, _ = look(tmp_path, key, mirror).upstream.fetch(glob)
    assert names(taken.packages) == ["libc++-9-dev 1"]


# --- renewal --------------------------------------------------------------------------------


def test_a_renewal_takes_nothing_that_it_could_not_fetch(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """The torn arch stays as it was and is named; the other one is renewed."""
    sets = [wanted(arch) for arch in (NATIVE, FOREIGN)]
    world = look(tmp_path, key, mirror)
    before = renew_locks(sets, [SOURCE], {}, world.upstream, accept_seen=False).locks
    day = run_ahead(distribution)
    world = look(tmp_path, key, mirror)
    after = renew_locks(sets, [SOURCE], before, world.upstream, accept_seen=True)
    (problem,) = after.problems
    assert problem == (
        f"Debian demo for s390x: the mirror's index of {day} names libdemo 1.0-2 for s390x, "
        "but its pool lacks it (404); the lock keeps its old set"
    )
    found = [after.locks[SUITE].find(one) or () for one in sets]
    assert [names(packages)[1] for packages in found] == ["libdemo 1.0-2", "libdemo 1.0-1"]


def test_the_state_before_is_taken_when_told_to(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """The changelog of the other arch's package names it; no signed index vouches for it."""
    run_ahead(distribution)
    world = look(tmp_path, key, mirror)
    refused = renew_locks([wanted()], [], {}, world.upstream, accept_seen=False)
    assert SUITE not in refused.locks or refused.locks[SUITE].find(wanted()) is None
    world = look(tmp_path, key, mirror)
    lock = renew_locks([wanted()], [], {}, world.upstream, accept_seen=True).locks[SUITE]
    packages = lock.find(wanted()) or ()
    assert names(packages) == ["data 3", "libdemo 1.0-1", "tool 2:1.0"]
    assert [package.vouched.partition(":")[0] for package in packages] == [
        "signed",
        "seen",
        "signed",
    ]


def test_without_a_state_before_nothing_is_locked(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """The pool has no older file either: both reasons are told, and the set is not pinned."""
    run_ahead(distribution)
    mirror.faults["libdemo_1.0-1_s390x"] = gone
    world = look(tmp_path, key, mirror)
    renewal = renew_locks([wanted()], [], {}, world.upstream, accept_seen=True)
    assert all(lock.find(wanted()) is None for lock in renewal.locks.values())
    (problem,) = renewal.problems
    assert problem.endswith("(404); no pool has a version of libdemo before 1.0-2")


@pytest.mark.parametrize("torn", ["index", "source"])
def test_a_renewal_loses_nothing_that_was_locked(
    tmp_path: Path, key: Key, mirror: Served, torn: str
) -> None:
    """Without an index both sets and sources stay; a source whose archive is gone stays too."""
    before = {SUITE: locked(tmp_path, key, mirror)}
    mirror.faults["dists/" if torn == "index" else ".orig.tar.gz"] = busy(503)
    world = look(tmp_path, key, mirror)
    after = renew_locks([wanted()], [SOURCE], before, world.upstream, accept_seen=False)
    assert after.locks == before
    assert after.problems
    assert all("503" in problem for problem in after.problems)
    assert torn == "index" or after.problems[0].endswith("; the lock keeps its old set")


# --- what is on the disk --------------------------------------------------------------------


def _fetch(folder: Path, key: Key, address: str, lock: SuiteLock) -> None:
    settings = Settings(locks={SUITE: lock})
    made = Upstream(settings, Cache(folder / "cache"), lambda _: None)
    made.mirrors = Mirrors(mirrors=(address,), keyring=str(key.keyring))
    made.fetch(wanted())


def test_two_processes_download_a_file_once(tmp_path: Path, key: Key, mirror: Served) -> None:
    """One waits for the other."""
    lock = locked(tmp_path, key, mirror)
    mirror.faults[".deb"] = slow(0.2)
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_fetch, args=(tmp_path, key, mirror.address, lock)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]
    assert mirror.count(".deb") == 3


def test_a_cached_package_that_was_changed_is_fetched_again(
    tmp_path: Path, key: Key, mirror: Served
) -> None:
    """Held against the lock, whatever lies beside it."""
    lock = locked(tmp_path, key, mirror)
    _, files = look(tmp_path, key, mirror, lock=lock).upstream.fetch(wanted())
    right = files[0].read_bytes()
    files[0].write_bytes(b"evil")
    mirror.asked.clear()
    _, again = look(tmp_path, key, mirror, lock=lock).upstream.fetch(wanted())
    assert again[0].read_bytes() == right
    assert mirror.count() == 1


def test_an_unpacked_source_that_was_changed_is_unpacked_again(
    tmp_path: Path, key: Key, mirror: Served
) -> None:
    """A file that is other, or that should not be there: the tree is held against its archive."""
    lock = locked(tmp_path, key, mirror)
    world = look(tmp_path, key, mirror, lock=lock)
    source = find_source(SOURCE, world.workspace)
    assert (source.version, source.digest) == ("1.0", source.package.sha256)
    for name in ("main.c", "evil.h"):
        tree = source.tree(world.cache)
        (tree / name).write_text("evil\n")
        sources._whole_tree.cache_clear()
        tree = source.tree(world.cache)
        assert [path.name for path in tree.iterdir()] == ["main.c"]
        assert "int main" in (tree / "main.c").read_text()
    assert mirror.count(".orig.tar.gz") == 1


def test_headers_that_were_changed_are_unpacked_again(
    tmp_path: Path, key: Key, distribution: Distribution, mirror: Served
) -> None:
    """Only what is wanted of each package is there, and it is what the package has."""
    files = {"usr/include/demo.h": b"#define DEMO 1\n", "usr/bin/tool": b"no\n"}
    distribution.add("libdemo-dev", "1.0", FOREIGN, files=files)
    distribution.publish()
    dev = PackageSet(suite=SUITE, arches=(FOREIGN,), names=("libdemo-dev",), depends=False)
    world = look(tmp_path, key, mirror)
    tree = headers._suite_headers(dev, world.workspace)
    assert (tree.root / "include/demo.h").read_bytes() == files["usr/include/demo.h"]
    assert not (tree.root / "bin").exists()
    (tree.root / "include/demo.h").write_text("evil\n")
    again = headers._suite_headers(dev, look(tmp_path, key, mirror).workspace)
    assert (again.root / "include/demo.h").read_bytes() == files["usr/include/demo.h"]
    assert again.digest == tree.digest


def test_a_source_is_taken_from_the_first_suite_that_has_it(
    tmp_path: Path, key: Key, mirror: Served
) -> None:
    """Several suites may serve; one that no mirror knows costs no more than its own failure."""
    world = look(tmp_path, key, mirror)
    package, _ = world.upstream.source(replace(SOURCE, suites=("nowhere", SUITE)))
    assert package.version == "1.0-1"
    with pytest.raises(UpstreamError, match="the index of Debian nowhere"):
        world.upstream.source(replace(SOURCE, suites=("nowhere",)))


def test_one_failure_of_a_source_is_one_failure(tmp_path: Path, key: Key, mirror: Served) -> None:
    """Asked for by the next cell, the same error comes without a request; so does a success."""
    mirror.faults[".orig.tar.gz"] = gone
    world = look(tmp_path, key, mirror)
    for _ in range(2):
        with pytest.raises(
            UpstreamError, match=r"names demo 1\.0-1, but its pool lacks it \(404\)"
        ):
            world.upstream.source(SOURCE)
        assert (mirror.count("Sources"), mirror.count(".orig.tar.gz")) == (1, 1)
    mirror.faults.clear()
    world = look(tmp_path, key, mirror)
    assert world.upstream.source(SOURCE) == world.upstream.source(SOURCE)
    assert (mirror.count("Sources"), mirror.count(".orig.tar.gz")) == (2, 2)


def test_cached_names_hold_the_digest() -> None:
    """Two files of one name lie beside each other."""
    one = Package(
        name="a", version="1", arch="all", sha256="0" * 64, size=1, path="p/a.deb", vouched="seen:x"
    )
    assert cached_name(one) != cached_name(replace(one, sha256="1" * 64))
    assert make_lock(SUITE, {}, [one]).source("a") is None
    assert upstream_module.KIND == "debs"
