"""Releases and wheels from a real package index on loopback."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from urllib3 import Retry

from harness.core.errors import PackageIndexError
from harness.core.subjects import IndexSource
from harness.host.cache import Cache
from harness.host.download import Downloader
from harness.wheels.index.client import IndexClient, IndexSettings
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import IndexLock, LockedWheel
from harness.wheels.index.renew import renew_lock
from tests.support.loopback_index import LoopbackIndex
from tests.support.torn_server import Fault

DEMO = IndexSource(name="demo", version="1.0")
FILENAME = "Demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
BODY = b"the wheel's bytes" * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()
WHEEL = LockedWheel(filename=FILENAME, sha256=SHA256, requires_python=">=3.9")
EMPTY = IndexLock(generated=date(2026, 1, 2), releases={})
LOCK = IndexLock(generated=date(2026, 1, 2), releases={"demo==1.0": (WHEEL,)})


MakeIndex = Callable[[IndexLock], PackageIndex]


@pytest.fixture
def announced() -> list[str]:
    """Collect what is announced."""
    return []


@pytest.fixture
def make_index(
    loopback_index: LoopbackIndex, tmp_path: Path, announced: list[str], impatient: Retry
) -> MakeIndex:
    """Make a PackageIndex with the given lock and the loopback index."""
    settings = IndexSettings(endpoint=loopback_index.endpoint)
    client = IndexClient(settings, impatient, Downloader(first_pause=0))
    return lambda lock: PackageIndex(Cache(tmp_path), lock, announced.append, client)


def link(filename: str, sha256: str = SHA256, attributes: str = "") -> str:
    return f'href="/files/{filename}#sha256={sha256}" {attributes}>{filename}'


def error_of(action: Callable[[], object]) -> str:
    with pytest.raises(PackageIndexError) as caught:
        action()
    return str(caught.value)


def test_lookup(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """A release has the project's Linux wheels of that version, sorted."""
    loopback_index.serve(
        "demo",
        link("demo-1.0-py3-none-any.whl", "b" * 64, 'data-yanked="broken"'),
        link(FILENAME, attributes='data-requires-python="&gt;=3.9"'),
        link("demo-1.0-cp311-cp311-win_amd64.whl"),
        link("demo-1.0.tar.gz"),
        link("demo-1.0-not-a-wheel-name-at-all.whl"),
        link("demo-1.1-py3-none-any.whl"),
        link("demo.zip"),
    )
    assert make_index(EMPTY).lookup("demo", "1.0.0") == (
        WHEEL,
        LockedWheel(filename="demo-1.0-py3-none-any.whl", sha256="b" * 64, yanked=True),
    )


def test_release_without_wheels(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """A release without Linux wheels is empty."""
    loopback_index.serve("demo", link("demo-1.0.tar.gz"))
    assert make_index(EMPTY).lookup("demo", "1.0") == ()


def test_no_such_release(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """A missing release is an error that lists the newest ones."""
    loopback_index.serve("demo", *(link(f"demo-0.{n}.tar.gz") for n in range(12)))
    assert error_of(lambda: make_index(EMPTY).lookup("demo", "1.0")) == (
        "demo==1.0: the package index has no such release; it has 0.7, 0.8, 0.9, 0.10, 0.11"
    )


def test_no_digest(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """A wheel without a sha256 cannot be pinned."""
    loopback_index.serve("demo", f'href="/files/{FILENAME}">{FILENAME}')
    assert error_of(lambda: make_index(EMPTY).lookup("demo", "1.0")) == (
        f"{FILENAME}: the package index lists no sha256 for it; use an index that does"
    )


def test_no_such_project(make_index: MakeIndex) -> None:
    """A missing project is an error without the index's password."""
    assert error_of(lambda: make_index(EMPTY).lookup("demo", "1.0")) == (
        "demo: the package index 127.0.0.1 has no such project; check the name"
    )


def test_pinned_release_is_not_looked_up(
    loopback_index: LoopbackIndex, make_index: MakeIndex
) -> None:
    """A pinned release comes from the lock; another is looked up."""
    loopback_index.serve("other", link("other-1.tar.gz"), link("other-2.tar.gz"))
    index = make_index(LOCK)
    assert index.release(DEMO) == (WHEEL,)
    assert loopback_index.log == []
    assert index.release(IndexSource(name="other", version="1")) == ()
    assert index.release(IndexSource(name="other", version="2")) == ()
    assert loopback_index.log == ["simple/other/"]


def test_downloaded_once(
    loopback_index: LoopbackIndex, make_index: MakeIndex, announced: list[str]
) -> None:
    """A wheel is downloaded once, and the download is announced."""
    loopback_index.serve("demo", link(FILENAME), **{FILENAME: BODY})
    wheel = make_index(LOCK).fetch(WHEEL)
    assert (wheel.filename, wheel.sha256, wheel.size) == (FILENAME, SHA256, len(BODY))
    assert Path(wheel.path).name == FILENAME
    assert Path(wheel.path).read_bytes() == BODY
    assert announced == [f"downloading {FILENAME} (0.0 MiB)"]
    assert make_index(LOCK).fetch(WHEEL) == wheel
    assert loopback_index.log == ["simple/demo/", f"files/{FILENAME}"]


def test_long_download(
    loopback_index: LoopbackIndex, make_index: MakeIndex, announced: list[str]
) -> None:
    """The progress of a long download is announced."""
    body = bytes(16 << 20)
    loopback_index.serve("demo", link(FILENAME), **{FILENAME: body})
    digest = hashlib.sha256(body).hexdigest()
    make_index(LOCK).fetch(LockedWheel(filename=FILENAME, sha256=digest))
    assert announced[0] == f"downloading {FILENAME} (16.0 MiB)"
    assert [line.rpartition(": ")[2] for line in announced[1:]] == ["25 %", "50 %", "75 %", "100 %"]


def test_other_bytes(loopback_index: LoopbackIndex, make_index: MakeIndex, tmp_path: Path) -> None:
    """Bytes that differ from the pin are an error and are not cached."""
    loopback_index.serve("demo", link(FILENAME), **{FILENAME: b"evil"})
    evil = hashlib.sha256(b"evil").hexdigest()
    assert error_of(lambda: make_index(LOCK).fetch(WHEEL)) == (
        f"{FILENAME}: the package index serves other bytes than were pinned (sha256 {evil}, not "
        f"{SHA256}); do not use them; run `wheelgrid lock` only if you know why they changed"
    )
    assert not list(tmp_path.rglob("*.whl"))


def test_vanished_from_the_page(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """A pinned wheel that the index no longer lists is an error with the next step."""
    loopback_index.serve("demo", link("demo-1.0.tar.gz"))
    assert error_of(lambda: make_index(LOCK).fetch(WHEEL)) == (
        f"{FILENAME}: the package index no longer has this file; pin another release, then run "
        "`wheelgrid lock`"
    )


NO_ANSWER = "check the network, and the index-url in `pip config list`"


def test_vanished_file(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """A listed but missing wheel is an error with the HTTP status, without the URL."""
    loopback_index.serve("demo", link(FILENAME))
    assert error_of(lambda: make_index(LOCK).fetch(WHEEL)) == (
        f"{FILENAME}: the package index 127.0.0.1 does not answer (404); {NO_ANSWER}"
    )


def test_temporary_failure(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """A busy index and a truncated response are retried."""
    loopback_index.serve("demo", link(FILENAME), **{FILENAME: BODY})
    loopback_index.tear("simple/*", Fault.UNAVAILABLE, times=2)
    loopback_index.tear("files/*", Fault.HALF, times=2)
    assert Path(make_index(LOCK).fetch(WHEEL).path).read_bytes() == BODY
    assert loopback_index.log == ["simple/demo/"] * 3 + [f"files/{FILENAME}"] * 3


def test_permanent_failure(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """Retries end for an index that stays busy and for responses that stay truncated."""
    loopback_index.serve("demo", link(FILENAME), **{FILENAME: BODY})
    loopback_index.tear("simple/*", Fault.UNAVAILABLE, times=4)
    assert error_of(lambda: make_index(LOCK).fetch(WHEEL)) == (
        f"demo: the package index 127.0.0.1 does not answer (ResponseError); {NO_ANSWER}"
    )
    loopback_index.tear("files/*", Fault.HALF)
    assert "does not answer (cut short" in error_of(lambda: make_index(LOCK).fetch(WHEEL))


def test_unreachable(tmp_path: Path, impatient: Retry, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable index is an error that says so."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = IndexClient(IndexSettings(endpoint="http://127.0.0.1:9/simple"), impatient)
    index = PackageIndex(Cache(tmp_path), LOCK, print, client)
    assert error_of(lambda: index.fetch(WHEEL)) == (
        "demo: the package index 127.0.0.1 does not answer (NewConnectionError); " + NO_ANSWER
    )


def test_a_release_that_vanished_stays_pinned(
    loopback_index: LoopbackIndex, make_index: MakeIndex
) -> None:
    """A release that the index lacks keeps its old pin, and is reported."""
    del loopback_index
    reported: list[str] = []
    assert renew_lock([DEMO], make_index(EMPTY), LOCK, reported.append).releases == LOCK.releases
    assert "no such project; check the name; its old pin is kept" in reported[0]


def test_renew(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """A lock is renewed from the index, or every failing release is reported."""
    loopback_index.serve("demo", link(FILENAME, attributes='data-requires-python="&gt;=3.9"'))
    assert renew_lock([DEMO], make_index(EMPTY)).releases == LOCK.releases
    gone = IndexSource(name="gone", version="1")
    old = IndexSource(name="demo", version="0.1")
    problems = error_of(lambda: renew_lock([old, DEMO, gone], make_index(EMPTY)))
    assert problems.splitlines() == [
        "demo==0.1: the package index has no such release; it has 1.0",
        "gone: the package index 127.0.0.1 has no such project; check the name",
    ]


@pytest.mark.parametrize(
    ("links", "newest"),
    [
        (("demo-1.9.tar.gz", "demo-1.10-py3-none-any.whl", "demo-2.0rc1.tar.gz"), "1.10"),
        (("demo-1.0a1.tar.gz", "demo-1.0b1.tar.gz"), "1.0b1"),
        (("demo-1.0.tar.gz", "demo-2.0.tar.gz yanked"), "1.0"),
        (("demo-2.0.tar.gz yanked",), "2.0"),
    ],
)
def test_newest(
    loopback_index: LoopbackIndex, make_index: MakeIndex, links: tuple[str, ...], newest: str
) -> None:
    """The newest is a final release that is not yanked, if there is one."""
    files = (words.partition(" ") for words in links)
    loopback_index.serve(
        "demo",
        *(link(file, attributes='data-yanked=""' if yanked else "") for file, _, yanked in files),
    )
    assert make_index(EMPTY).newest("demo") == IndexSource(name="demo", version=newest)


def test_no_newest(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """A project without releases is an error, as a missing project is."""
    loopback_index.serve("demo")
    for name in ("demo", "gone"):
        with pytest.raises(PackageIndexError, match=f"{name}: the package index"):
            make_index(EMPTY).newest(name)


def test_a_lookup_is_announced_once(
    loopback_index: LoopbackIndex, make_index: MakeIndex, announced: list[str]
) -> None:
    """A prediction asks once for each target, and the page is read once."""
    loopback_index.serve("demo", link(FILENAME))
    index = make_index(EMPTY)
    assert len({index.lookup("demo", "1.0") for _ in range(3)}) == 1
    assert announced == ["looking up demo==1.0"]


def test_page_is_requested_once(loopback_index: LoopbackIndex, make_index: MakeIndex) -> None:
    """Parallel lookups of a project read its page once."""
    loopback_index.serve("demo", *(link(f"demo-1.{n}.tar.gz") for n in range(500)))
    index = make_index(EMPTY)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(index.newest, ["demo"] * 8))
    assert found == {IndexSource(name="demo", version="1.499")}
    assert loopback_index.log == ["simple/demo/"]
