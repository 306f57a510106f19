"""Package sets from the signed index, resolved by the real apt."""

import re
from dataclasses import replace

import pytest

from harness.core.errors import UpstreamError
from harness.core.targets import Suite
from harness.images.debian import apt_index
from harness.images.debian.package_lock import SuiteLock
from tests.support.distribution import SUITE, Distribution, make_key
from tests.support.torn_server import Fault, TornServer, torn_server
from tests.support.upstream import FOREIGN, OpenClient, names, run_ahead, wanted

pytestmark = pytest.mark.integration


def test_an_index_ahead_of_its_pool_is_reported(
    client: OpenClient, distribution: Distribution, mirror: TornServer, lock: SuiteLock
) -> None:
    """A locked set is still fetched; without a lock the missing package is named."""
    day = run_ahead(distribution)
    assert client(mirror, lock=lock).upstream.fetch(wanted())[0].note == ""
    torn = f"the mirror's index of {day} names libdemo 1.0-2 for s390x, but its pool lacks it (404)"
    with pytest.raises(UpstreamError, match=re.escape(torn)):
        client(mirror, cache="b").upstream.fetch(wanted())
    newest = client(mirror, cache="c", lock=lock, latest=True).upstream.fetch(wanted())[0]
    assert names(newest.packages) == ["data 3", "libdemo 1.0-1", "tool 2:1.0"]
    assert newest.note == f"as locked on {day}, since Debian demo for s390x: {torn}"


@pytest.mark.parametrize("which", ["latest", "rolling"])
def test_latest_and_rolling_suites_follow_the_index(
    client: OpenClient, distribution: Distribution, mirror: TornServer, lock: SuiteLock, which: str
) -> None:
    """With ``--latest`` or in a rolling suite the index comes before the lock."""
    distribution.add("data", "4", "all")
    distribution.publish()
    rolling = Suite(id=SUITE, rolling=which == "rolling")
    opened = client(mirror, lock=lock, suite=rolling, latest=which == "latest")
    taken, _ = opened.upstream.fetch(wanted())
    assert names(taken.packages)[0] == "data 4"
    assert taken.note == ""


def test_only_a_closed_suite_may_have_an_expired_index(
    client: OpenClient, distribution: Distribution, mirror: TornServer
) -> None:
    """A stale mirror could hold back updates; a closed suite gets none."""
    distribution.publish(days=10, valid=3)
    with pytest.raises(UpstreamError, match=r"the index of Debian demo .*: it expired"):
        client(mirror).upstream.fetch(wanted())
    closed = Suite(id=SUITE, closed=True)
    taken, _ = client(mirror, cache="b", suite=closed).upstream.fetch(wanted())
    assert len(taken.packages) == 3
    opened = client(mirror, cache="c")
    opened.upstream.mirrors = replace(opened.upstream.mirrors, accept_expired=True)
    assert opened.upstream.fetch(wanted())[0].packages == taken.packages


def test_an_untrusted_index_is_refused(
    client: OpenClient, distribution: Distribution, mirror: TornServer
) -> None:
    """The index is unsigned, or signed by another key."""
    distribution.publish(signed=False)
    with pytest.raises(UpstreamError, match=r"the index of Debian demo for s390x at 127"):
        client(mirror).upstream.fetch(wanted())
    with make_key() as distribution.key:
        distribution.publish()
    with pytest.raises(UpstreamError, match="signed by an untrusted key"):
        client(mirror, cache="b").upstream.fetch(wanted())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.MISSING, "does not have a Release file"),
        (Fault.LIMITED, "busy (429)"),
        (Fault.UNAVAILABLE, "busy (503)"),
        (Fault.OTHER_BYTES, "the index of Debian demo for s390x at 127.0.0.1:"),
        (Fault.HANG, "no answer (ReadTimeoutError)"),
    ],
    ids=["404", "429", "503", "wrong bytes", "silent"],
)
def test_a_rolling_suite_without_its_index_uses_the_lock(
    client: OpenClient,
    mirror: TornServer,
    lock: SuiteLock,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    reason: str,
) -> None:
    """The note gives the reason; the same run does not ask for the index again."""
    monkeypatch.setattr(apt_index, "INDEX_SECONDS", 3)
    mirror.tear("*dists/*", fault, retry_after="3600" if fault is Fault.LIMITED else "")
    opened = client(mirror, lock=lock, suite=Suite(id=SUITE, rolling=True))
    taken, _ = opened.upstream.fetch(wanted())
    assert names(taken.packages) == ["data 3", "libdemo 1.0-1", "tool 2:1.0"]
    assert taken.note.startswith("as locked on 20")
    assert reason in taken.note
    mirror.log.clear()
    assert opened.upstream.fetch(wanted())[0] == taken
    assert mirror.asked() == 0


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ("InRelease", Fault.UNAVAILABLE),
        ("InRelease", Fault.MISSING),
        ("Packages", Fault.OTHER_BYTES),
        ("Packages", Fault.MISSING),
    ],
    ids=["503", "404", "other list", "no list"],
)
def test_the_second_mirrors_index_is_used(
    client: OpenClient, distribution: Distribution, mirror: TornServer, part: str, fault: Fault
) -> None:
    """The first mirror with a good index is used."""
    mirror.tear(f"*{part}*", fault)
    mirror.tear("*/Release*", fault)
    with torn_server(distribution.root) as second:
        taken, _ = client(mirror, second).upstream.fetch(wanted())
        assert names(taken.packages) == ["data 3", "libdemo 1.0-1", "tool 2:1.0"]
        assert second.asked("*Packages*") == 1


def test_an_unknown_package_is_named(client: OpenClient, mirror: TornServer) -> None:
    """A misspelt package is not reported as a fault of the mirror."""
    with pytest.raises(UpstreamError, match=r"Unable to locate package toll$"):
        client(mirror).upstream.fetch(replace(wanted(), names=("toll",)))


def test_a_glob_takes_the_oldest_version(
    client: OpenClient, distribution: Distribution, mirror: TornServer
) -> None:
    """Numbers are compared, as for ``libstdc++-*-dev``: 9 is older than 12."""
    for name in ("libc++-12-dev", "libc++-9-dev", "libc++-9-dev-s390x-cross"):
        distribution.add(name, "1", FOREIGN)
    distribution.publish()
    glob = replace(wanted(), names=(f"libc++-*-dev:{FOREIGN}",), depends=False)
    taken, _ = client(mirror).upstream.fetch(glob)
    assert names(taken.packages) == ["libc++-9-dev 1"]
