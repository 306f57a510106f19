"""An index that is slow, huge, cut, busy, wrong or changing; what it has besides stays usable."""

import hashlib
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from urllib3 import Retry

from harness.core.errors import PackageIndexError
from harness.core.subjects import IndexSource
from harness.host.cache import Cache
from harness.host.download import Downloader
from harness.wheels.index import client as index_client
from harness.wheels.index.client import IndexClient, IndexSettings
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import IndexLock, LockedWheel
from harness.wheels.index.renew import renew_lock
from tests.support.loopback_index import LoopbackIndex
from tests.support.torn_server import Fault

NAME = "{}-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
BODIES = {name: f"the bytes of {name}".encode() * 1000 for name in ("demo", "other")}
WHEELS = {
    name: LockedWheel(filename=NAME.format(name), sha256=hashlib.sha256(body).hexdigest())
    for name, body in BODIES.items()
}
DEADLINE = 1.5
MOST_PAGE = 1 << 20


@pytest.fixture
def index(
    loopback_index: LoopbackIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, impatient: Retry
) -> Callable[[], PackageIndex]:
    """Make an index of two projects with short deadlines."""
    monkeypatch.setattr(index_client, "MOST_PAGE", MOST_PAGE)
    for name, body in BODIES.items():
        wheel = WHEELS[name]
        link = f'href="/files/{wheel.filename}#sha256={wheel.sha256}">{wheel.filename}'
        loopback_index.serve(name, link, **{wheel.filename: body})
    settings = IndexSettings(endpoint=loopback_index.endpoint)
    lock = IndexLock(generated=date(2026, 1, 2), releases={})

    def made() -> PackageIndex:
        downloader = Downloader(deadline=DEADLINE, silence=0.5, first_pause=0)
        client = IndexClient(settings, impatient, downloader, DEADLINE)
        return PackageIndex(Cache(tmp_path / "cache"), lock, lambda _: None, client)

    return made


def _fetched(index: PackageIndex, name: str) -> bytes:
    (wheel,) = index.lookup(name, "1.0")
    return Path(index.fetch(wheel).path).read_bytes()


@pytest.mark.parametrize(
    ("path", "fault", "words"),
    [
        ("simple/demo/", Fault.SLOW, "too slow: no end before the deadline"),
        ("simple/demo/", Fault.HANG, "too slow: no end before the deadline"),
        ("simple/demo/", Fault.HALF, "does not answer"),
        ("simple/demo/", Fault.LIMITED, "does not answer (HTTP status 429)"),
        ("simple/demo/", Fault.UNAVAILABLE, "does not answer (ResponseError)"),
        ("files/demo*", Fault.SLOW, "too slow"),
        ("files/demo*", Fault.HANG, "does not answer"),
        ("files/demo*", Fault.HALF, "cut short"),
        ("files/demo*", Fault.SHORT, "other bytes than were pinned"),
        ("files/demo*", Fault.LONGER, "other bytes than were pinned"),
        ("files/demo*", Fault.LIMITED, "busy (429)"),
        ("files/demo*", Fault.UNAVAILABLE, "busy (503)"),
        ("files/demo*", Fault.OTHER_BYTES, "other bytes than were pinned"),
        ("files/demo*", Fault.MISSING, "does not answer (404)"),
    ],
)
def test_lasting_fault_is_an_error_of_that_project(
    loopback_index: LoopbackIndex,
    index: Callable[[], PackageIndex],
    path: str,
    fault: Fault,
    words: str,
) -> None:
    """In time, without the password; the other project is served, and this one afterwards."""
    loopback_index.tear(path, fault)
    used, start = index(), time.monotonic()
    with pytest.raises(PackageIndexError) as caught:
        _fetched(used, "demo")
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert time.monotonic() - start < 4 * DEADLINE
    assert _fetched(used, "other") == BODIES["other"]
    loopback_index.repair()
    assert _fetched(index(), "demo") == BODIES["demo"]


@pytest.mark.parametrize("path", ["simple/demo/", "files/demo*"])
@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.HALF, Fault.LATE])
def test_run_continues_after_a_passing_fault(
    loopback_index: LoopbackIndex, index: Callable[[], PackageIndex], path: str, fault: Fault
) -> None:
    """By another try."""
    loopback_index.tear(path, fault, times=1)
    assert _fetched(index(), "demo") == BODIES["demo"]


def test_huge_page_is_not_held(
    loopback_index: LoopbackIndex, index: Callable[[], PackageIndex]
) -> None:
    """It is read up to the limit."""
    loopback_index.pages["simple/demo/"] += b" " * MOST_PAGE
    used = index()
    with pytest.raises(PackageIndexError, match=f"more than {MOST_PAGE} bytes"):
        _fetched(used, "demo")
    assert _fetched(used, "other") == BODIES["other"]


def test_file_that_vanishes_after_the_listing(
    loopback_index: LoopbackIndex, index: Callable[[], PackageIndex]
) -> None:
    """The index is asked for the file, not for the page again."""
    used = index()
    (wheel,) = used.lookup("demo", "1.0")
    del loopback_index.pages[f"files/{wheel.filename}"]
    with pytest.raises(PackageIndexError, match=r"does not answer \(404\)"):
        used.fetch(wheel)
    assert _fetched(used, "other") == BODIES["other"]


def test_numbers_of_any_length_are_no_version(
    loopback_index: LoopbackIndex, index: Callable[[], PackageIndex]
) -> None:
    """Files with such names are left out; int() refuses their digits."""
    digits = "9" * 5000
    odd = f"demo-{digits}-py3-none-any.whl", f"demo-1.0-{digits}-py3-none-any.whl"
    links = "".join(f'<a href="/files/{name}#sha256={"0" * 64}">{name}</a>' for name in odd)
    loopback_index.pages["simple/demo/"] += links.encode()
    assert [wheel.filename for wheel in index().lookup("demo", "1.0")] == [NAME.format("demo")]
    assert index().newest("demo") == IndexSource(name="demo", version="1.0")


def test_fault_while_pins_are_renewed(
    loopback_index: LoopbackIndex, index: Callable[[], PackageIndex]
) -> None:
    """The old pin stays."""
    loopback_index.tear("simple/demo/", Fault.HANG)
    old = IndexLock(
        generated=date(2026, 1, 2), releases={f"{name}==1.0": (WHEELS[name],) for name in WHEELS}
    )
    sources = [IndexSource(name=name, version="1.0") for name in WHEELS]
    said: list[str] = []
    assert renew_lock(sources, index(), old, said.append).releases == old.releases
    assert any("too slow" in line for line in said)
