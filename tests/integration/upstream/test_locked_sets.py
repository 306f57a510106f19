"""Locked package sets: fetched as locked, resolved anew as a whole, or refused."""

import re
from pathlib import Path

import pytest

from harness.core.errors import UpstreamError
from harness.images.debian.package_lock import SuiteLock
from harness.images.debian.upstream import DEBS
from tests.support.distribution import Distribution
from tests.support.torn_server import Fault, TornServer, torn_server
from tests.support.upstream import FOREIGN, SOURCE, OpenClient, names, wanted

pytestmark = pytest.mark.integration


def test_a_locked_set_needs_no_index(
    client: OpenClient, mirror: TornServer, lock: SuiteLock
) -> None:
    """Only its files are downloaded, once; from the cache they need no request."""
    taken, files = client(mirror, lock=lock).upstream.fetch(wanted())
    assert names(taken.packages) == ["data 3", "libdemo 1.0-1", "tool 2:1.0"]
    assert taken.note == ""
    assert mirror.asked("*dists/*") == 0
    assert mirror.asked("*.deb*") == len(files) == 3
    mirror.log.clear()
    again = client(mirror, lock=lock).upstream.fetch(wanted())
    assert again == (taken, files)
    assert mirror.asked() == 0


@pytest.mark.parametrize(
    ("fault", "times", "requests"),
    [(Fault.HALF, 1, 2), (Fault.UNAVAILABLE, 2, 3), (Fault.LIMITED, 1, 2), (Fault.HANG, 1, 2)],
    ids=["half", "503", "429", "silent"],
)
def test_a_passing_fault_is_retried(
    client: OpenClient, mirror: TornServer, lock: SuiteLock, fault: Fault, times: int, requests: int
) -> None:
    """The same file is requested again, and the set is as locked."""
    mirror.tear("*libdemo_*", fault, times=times, retry_after="0")
    taken, _ = client(mirror, lock=lock).upstream.fetch(wanted())
    assert taken.note == ""
    assert mirror.asked("*libdemo_*") == requests


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.OTHER_BYTES, "it cannot be fetched (other bytes)"),
        (Fault.HALF, "it cannot be fetched (cut short"),
        (Fault.LIMITED, "it cannot be fetched (busy (429))"),
        (Fault.UNAVAILABLE, "it cannot be fetched (busy (503))"),
        (Fault.HANG, "it cannot be fetched (no answer"),
        (Fault.MISSING, "no mirror has it (404)"),
    ],
    ids=["wrong bytes", "half", "429 for an hour", "503", "silent", "404"],
)
def test_a_lasting_fault_is_reported_by_its_reason(
    client: OpenClient, mirror: TornServer, lock: SuiteLock, fault: Fault, reason: str
) -> None:
    """No file of the set is replaced by another: it is not fetched, and the reason is reported."""
    mirror.tear("*libdemo_*", fault, retry_after="3600" if fault is Fault.LIMITED else "")
    with pytest.raises(UpstreamError) as caught:
        client(mirror, lock=lock).upstream.fetch(wanted())
    assert f"the lock names libdemo 1.0-1 for s390x, but {reason}" in str(caught.value)
    assert not re.search(r"mmdebstrap|exit status|http:", str(caught.value))


def test_the_second_mirror_replaces_the_first(
    client: OpenClient, distribution: Distribution, mirror: TornServer, lock: SuiteLock
) -> None:
    """A bad file of the first is refused; a first mirror that is gone is not asked again."""
    with torn_server(distribution.root) as second:
        mirror.tear("*libdemo_*", Fault.OTHER_BYTES)
        taken, _ = client(mirror, second, lock=lock).upstream.fetch(wanted())
        assert (taken.note, second.asked("*.deb*")) == ("", 1)
        mirror.vanish()
        taken, _ = client(mirror, second, cache="b", lock=lock).upstream.fetch(wanted())
        assert (taken.note, second.asked("*.deb*")) == ("", 4)


def test_a_mirror_that_vanishes_between_files(
    client: OpenClient, mirror: TornServer, lock: SuiteLock
) -> None:
    """The set fails within the deadline; the file that came before stays cached."""
    opened = client(mirror, lock=lock)
    opened.upstream.file(next(package for package in lock.files if package.name == "data"))
    mirror.vanish()
    with pytest.raises(UpstreamError, match=r"no answer \(NewConnectionError\)"):
        opened.upstream.fetch(wanted())
    assert len(opened.cache.entries(DEBS)) == 1


def test_the_snapshot_archive_is_the_last_resort(
    client: OpenClient,
    tmp_path: Path,
    distribution: Distribution,
    mirror: TornServer,
    lock: SuiteLock,
) -> None:
    """The archive is asked for the state at the end of the locked day."""
    day = next(iter(lock.files)).day.replace("-", "")
    old = tmp_path / "archive" / f"{day}T235959Z"
    old.parent.mkdir()
    (distribution.root / "pool").rename(tmp_path / "pool")
    old.mkdir()
    (tmp_path / "pool").rename(old / "pool")
    with torn_server(tmp_path / "archive") as archive:
        opened = client(mirror, lock=lock, archive=f"{archive.address}/@SNAPSHOTID@/")
        taken, _ = opened.upstream.fetch(wanted())
        assert taken.note == ""
        assert opened.upstream.source(SOURCE)[0].version == "1.0-1"
        assert archive.asked("*.deb*") == 3


def test_an_unavailable_set_is_resolved_anew_as_a_whole(
    client: OpenClient, distribution: Distribution, mirror: TornServer, lock: SuiteLock
) -> None:
    """After an update of the suite all packages are today's, and the note gives the reason."""
    for path in list(distribution.stanzas):
        if "libdemo" in path:
            (distribution.root / path).unlink()
            del distribution.stanzas[path]
    distribution.add("libdemo", "1.0-2", FOREIGN)
    day = distribution.publish()
    opened = client(mirror, lock=lock)
    taken, _ = opened.upstream.fetch(wanted())
    assert names(taken.packages) == ["data 3", "libdemo 1.0-2", "tool 2:1.0"]
    assert taken.note == (
        f"resolved anew from the index of {day}, since Debian demo for s390x: the lock names "
        "libdemo 1.0-1 for s390x, but no mirror has it (404)"
    )
    mirror.log.clear()
    assert opened.upstream.fetch(wanted())[0] == taken
    assert mirror.asked() == 0
