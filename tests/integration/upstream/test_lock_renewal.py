"""Renewing locks from a mirror whose index, pool or sources are incomplete."""

import pytest

from harness.images.debian.lock_renewal import renew_locks
from harness.images.debian.package_lock import SuiteLock
from tests.support.distribution import SUITE, Distribution
from tests.support.torn_server import Fault, TornServer
from tests.support.upstream import FOREIGN, NATIVE, SOURCE, OpenClient, names, run_ahead, wanted

pytestmark = pytest.mark.integration


def test_a_renewal_locks_nothing_that_it_cannot_fetch(
    client: OpenClient, distribution: Distribution, mirror: TornServer
) -> None:
    """The arch without its package keeps its lock and is reported; the other is renewed."""
    sets = [wanted(arch) for arch in (NATIVE, FOREIGN)]
    opened = client(mirror)
    before = renew_locks(sets, [SOURCE], {}, opened.upstream, accept_seen=False).locks
    day = run_ahead(distribution)
    opened = client(mirror)
    after = renew_locks(sets, [SOURCE], before, opened.upstream, accept_seen=True)
    (problem,) = after.problems
    assert problem == (
        f"Debian demo for s390x: the mirror's index of {day} names libdemo 1.0-2 for s390x, "
        "but its pool lacks it (404); the lock keeps the old version"
    )
    found = [after.locks[SUITE].find(one) or () for one in sets]
    assert [names(packages)[1] for packages in found] == ["libdemo 1.0-2", "libdemo 1.0-1"]


def test_accept_seen_locks_the_version_before(
    client: OpenClient, distribution: Distribution, mirror: TornServer
) -> None:
    """The other arch's changelog names the version; no signed index vouches for it."""
    run_ahead(distribution)
    opened = client(mirror)
    refused = renew_locks([wanted()], [], {}, opened.upstream, accept_seen=False)
    assert SUITE not in refused.locks or refused.locks[SUITE].find(wanted()) is None
    opened = client(mirror)
    lock = renew_locks([wanted()], [], {}, opened.upstream, accept_seen=True).locks[SUITE]
    packages = lock.find(wanted()) or ()
    assert names(packages) == ["data 3", "libdemo 1.0-1", "tool 2:1.0"]
    vouched = [package.vouched.partition(":")[0] for package in packages]
    assert vouched == ["signed", "seen", "signed"]


def test_without_a_version_before_nothing_is_locked(
    client: OpenClient, distribution: Distribution, mirror: TornServer
) -> None:
    """The pool has no older file either: both reasons are reported, and the set is not pinned."""
    run_ahead(distribution)
    mirror.tear("*libdemo_1.0-1_s390x*", Fault.MISSING)
    opened = client(mirror)
    renewal = renew_locks([wanted()], [], {}, opened.upstream, accept_seen=True)
    assert all(lock.find(wanted()) is None for lock in renewal.locks.values())
    (problem,) = renewal.problems
    assert problem.endswith("(404); no pool has a version of libdemo before 1.0-2")


@pytest.mark.parametrize("torn", ["index", "source"])
def test_a_failed_renewal_keeps_the_lock(
    client: OpenClient, mirror: TornServer, lock: SuiteLock, torn: str
) -> None:
    """Without an index all sets and sources stay; a source whose archive is gone stays too."""
    before = {SUITE: lock}
    mirror.tear("*dists/*" if torn == "index" else "*.orig.tar.gz", Fault.UNAVAILABLE)
    opened = client(mirror)
    after = renew_locks([wanted()], [SOURCE], before, opened.upstream, accept_seen=False)
    assert after.locks == before
    assert after.problems
    assert all("503" in problem for problem in after.problems)
    assert torn == "index" or after.problems[0].endswith("; the lock keeps the old version")
