"""Downloads from loopback servers with the faults of bad mirrors."""

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import pytest

from harness.host.download import TRIES, Downloader, DownloadError
from tests.support.torn_server import Fault, TornServer, torn_server

PATH = "pool/a.deb"
DATA = bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server() -> Iterator[TornServer]:
    with torn_server({PATH: DATA, "pool/b.deb": DATA}) as running:
        yield running


@pytest.fixture
def other() -> Iterator[TornServer]:
    with torn_server({PATH: DATA}) as running:
        yield running


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A downloader, and the file that it writes."""

    downloader: Downloader
    out: Path

    def fetch(self, *addresses: str) -> bytes:
        self.downloader.download(addresses, self.out, size=len(DATA), sha256=SHA256)
        return self.out.read_bytes()

    def reasons(self, *addresses: str) -> list[str]:
        """Return the reason of each address's failure."""
        with pytest.raises(DownloadError) as caught:
            self.fetch(*addresses)
        return [failure.reason for failure in caught.value.failures]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Return an impatient client."""
    downloader = Downloader(deadline=2.4, silence=0.3, first_pause=0.01)
    return Client(downloader=downloader, out=tmp_path / "out")


def file_at(server: TornServer, path: str = PATH) -> str:
    return f"{server.address}/{path}"


def test_whole_file_is_written(server: TornServer, client: Client) -> None:
    """One request is enough."""
    assert client.fetch(file_at(server)) == DATA
    assert server.requests == {PATH: 1}


def test_other_bytes_are_refused(server: TornServer, client: Client) -> None:
    """A file with another digest fails, and its address is not tried again."""
    server.tear(PATH, Fault.OTHER_BYTES)
    assert client.reasons(file_at(server)) == ["other bytes"]
    assert server.requests[PATH] == 1


def test_any_bytes_are_accepted_without_a_digest(server: TornServer, client: Client) -> None:
    """Useful for files with an unknown digest."""
    server.tear(PATH, Fault.OTHER_BYTES)
    client.downloader.download([file_at(server)], client.out, size=len(DATA))
    assert client.out.read_bytes()[:-1] == DATA[:-1]


def test_incomplete_answer_is_tried_again(server: TornServer, client: Client) -> None:
    """The second answer is complete."""
    server.tear(PATH, Fault.HALF, times=1)
    assert client.fetch(file_at(server)) == DATA
    assert server.requests[PATH] == 2


def test_incomplete_answers_end_after_some_tries(server: TornServer, client: Client) -> None:
    """The reason says that the answer was cut short."""
    server.tear(PATH, Fault.HALF)
    (reason,) = client.reasons(file_at(server))
    assert reason.startswith("cut short")
    assert server.requests[PATH] == TRIES


@pytest.mark.parametrize("fault", [Fault.LIMITED, Fault.UNAVAILABLE])
def test_busy_server_is_tried_again(server: TornServer, client: Client, fault: Fault) -> None:
    """429 and 503 are retried."""
    server.tear(PATH, fault, times=2)
    assert client.fetch(file_at(server)) == DATA
    assert server.requests[PATH] == 3


def seconds_until(server: TornServer, folder: Path) -> float:
    """Fetch with a client that waits for some seconds."""
    patient = Client(downloader=Downloader(deadline=5, first_pause=0.01), out=folder / "out")
    begin = time.monotonic()
    assert patient.fetch(file_at(server)) == DATA
    return time.monotonic() - begin


def test_retry_after_in_seconds_sets_the_pause(server: TornServer, tmp_path: Path) -> None:
    """The pause is as long as the server asks for."""
    server.tear(PATH, Fault.LIMITED, times=1, retry_after="1")
    assert 1 <= seconds_until(server, tmp_path) < 3


def test_retry_after_as_a_date_sets_the_pause(server: TornServer, tmp_path: Path) -> None:
    """RFC 9110 allows dates, which have whole seconds, so the pause is at least one."""
    then = datetime.now(UTC) + timedelta(seconds=2)
    date = format_datetime(then, usegmt=True)
    server.tear(PATH, Fault.LIMITED, times=1, retry_after=date)
    assert 0.8 <= seconds_until(server, tmp_path) < 3


@pytest.mark.parametrize(
    "retry_after", ["3600", format_datetime(datetime(2126, 1, 1, tzinfo=UTC), usegmt=True)]
)
def test_deadline_wins_over_retry_after(
    server: TornServer, client: Client, retry_after: str
) -> None:
    """A server that asks for an hour is not tried again."""
    server.tear(PATH, Fault.LIMITED, retry_after=retry_after)
    begin = time.monotonic()
    assert client.reasons(file_at(server)) == ["busy (429)"]
    assert time.monotonic() - begin < 1
    assert server.requests[PATH] == 1


@pytest.mark.parametrize("retry_after", ["soon", "-5", "", "1e9"])
def test_invalid_retry_after_is_ignored(
    server: TornServer, client: Client, retry_after: str
) -> None:
    """The pause is the default then."""
    server.tear(PATH, Fault.LIMITED, times=1, retry_after=retry_after)
    assert client.fetch(file_at(server)) == DATA


def test_silent_connection_times_out(server: TornServer, client: Client) -> None:
    """Each try takes the silence limit."""
    server.tear(PATH, Fault.HANG)
    begin = time.monotonic()
    assert client.reasons(file_at(server)) == ["no answer (ReadTimeoutError)"]
    assert time.monotonic() - begin < 3


def test_unreachable_server_is_skipped(
    server: TornServer, other: TornServer, client: Client
) -> None:
    """The second file comes from the other server, even if the first is back."""
    server.vanish()
    assert client.fetch(file_at(server), file_at(other)) == DATA
    with torn_server(server.files, server.port) as back:
        assert client.fetch(file_at(back), file_at(other)) == DATA
        assert not back.requests


def test_silent_server_is_skipped(server: TornServer, client: Client) -> None:
    """The next file makes no request to it."""
    server.tear(PATH, Fault.HANG)
    client.reasons(file_at(server))
    with pytest.raises(DownloadError, match="no answer"):
        client.fetch(file_at(server, "pool/b.deb"))
    assert server.requests["pool/b.deb"] == 0


def test_busy_server_is_not_skipped(server: TornServer, client: Client) -> None:
    """Only servers that do not answer at all are skipped."""
    server.tear(PATH, Fault.UNAVAILABLE)
    assert client.reasons(file_at(server)) == ["busy (503)"]
    assert client.fetch(file_at(server, "pool/b.deb")) == DATA


@pytest.mark.parametrize(
    "fault",
    [
        Fault.MISSING,
        Fault.OTHER_BYTES,
        Fault.SHORT,
        Fault.LONGER,
        Fault.HALF,
        Fault.UNAVAILABLE,
        Fault.HANG,
        Fault.SLOW,
        Fault.VANISH,
    ],
)
def test_second_address_is_tried_after_the_first(
    server: TornServer, other: TornServer, client: Client, fault: Fault
) -> None:
    """The file has nothing of the first answer."""
    server.tear(PATH, fault)
    assert client.fetch(file_at(server), file_at(other)) == DATA
    assert other.requests[PATH] == 1


def test_missing_file_is_reported(server: TornServer, other: TornServer, client: Client) -> None:
    """A 404 is final, so each address is requested once."""
    for one in (server, other):
        one.tear(PATH, Fault.MISSING)
    with pytest.raises(DownloadError) as caught:
        client.fetch(file_at(server), file_at(other))
    failures = caught.value.failures
    assert [(f.reason, f.missing) for f in failures] == [("404", True)] * 2
    assert [f.address for f in failures] == [f"{s.address}/{PATH}" for s in (server, other)]
    assert server.requests[PATH] == other.requests[PATH] == 1


@pytest.mark.parametrize("promised", [True, False])
def test_more_bytes_than_expected_are_refused(
    server: TornServer, client: Client, *, promised: bool
) -> None:
    """With and without a Content-Length."""
    if promised:
        server.files = {PATH: DATA + b"more"}
    else:
        server.tear(PATH, Fault.LONGER)
    (reason,) = client.reasons(file_at(server))
    words = f"{len(DATA) + 4} bytes instead of" if promised else "more than"
    assert reason.removesuffix(" bytes") == f"{words} {len(DATA)}"


def test_endless_slow_body_ends_at_the_deadline(server: TornServer, tmp_path: Path) -> None:
    """A server that sends single bytes does not reach the silence limit."""
    server.tear(PATH, Fault.SLOW)
    downloader = Downloader(deadline=0.4, silence=0.3, first_pause=0.01)
    begin = time.monotonic()
    client = Client(downloader=downloader, out=tmp_path / "out")
    (reason,) = client.reasons(file_at(server))
    assert reason.startswith("too slow")
    assert time.monotonic() - begin < 3


def test_no_address_is_an_error(client: Client) -> None:
    """The error has no failures."""
    with pytest.raises(DownloadError, match="no address"):
        client.fetch()


def test_head_request_reports_whether_a_file_exists(server: TornServer, client: Client) -> None:
    """A busy or unreachable server gives None."""
    exists = partial(client.downloader.exists, timeout=1)
    assert exists(file_at(server)) is True
    assert exists(file_at(server, "pool/c.deb")) is False
    server.tear(PATH, Fault.UNAVAILABLE)
    assert exists(file_at(server)) is None
    server.vanish()
    assert exists(file_at(server)) is None


@contextlib.contextmanager
def answering(head: bytes, *, pause: float = 0.0) -> Iterator[str]:
    """Answer every connection with these bytes, one after each ``pause``; yield the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            for byte in [head] if not pause else [head[n : n + 1] for n in range(len(head))]:
                connection.sendall(byte)
                if stop.wait(pause):
                    return

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                thread = threading.Thread(target=answer, args=(listening.accept()[0],))
                thread.start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/{PATH}"
    finally:
        stop.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def answer_with(*headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", "")).encode("latin-1")


@pytest.mark.parametrize(
    "head",
    [
        answer_with(f"Retry-After: {'9' * 5000}", status="429 Too Many"),
        answer_with("Retry-After: Mon, 01 Jan 99999 00:00:00 GMT", status="503 Busy"),
        answer_with(f"Content-Length: {'9' * 5000}"),
        answer_with("Location: http://[::1", status="302 Found"),
        answer_with("Location: \xff\xfe", status="302 Found"),
        answer_with("Location: file:///etc/passwd", status="302 Found"),
        answer_with(f"Location: /{PATH}", "Content-Length: 0", status="302 Found"),
        b"no such protocol\r\n\r\n",
    ],
    ids=["429", "503", "length", "bracket", "bytes", "file", "loop", "junk"],
)
def test_invalid_answer_fails_its_address_only(
    head: bytes, server: TornServer, client: Client
) -> None:
    """The next address serves the file."""
    with answering(head) as address:
        assert client.fetch(address, file_at(server)) == DATA


def test_slow_headers_end_at_the_deadline(server: TornServer, client: Client) -> None:
    """The second address has its share of the time."""
    begin = time.monotonic()
    with answering(answer_with("X: " + "x" * 1000), pause=0.05) as address:
        assert client.downloader.exists(address, timeout=0.2) is None
        assert client.fetch(address, file_at(server)) == DATA
    assert time.monotonic() - begin < 4
