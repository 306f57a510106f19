"""Download a file over HTTP from the first of several addresses, and check its digest.

An address that is busy (429, 5xx), incomplete or silent is tried again after a growing pause, or
after its ``Retry-After``. One deadline and one size limit hold for the whole download.
"""

import contextlib
import hashlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
    wait_random,
)
from urllib3 import Retry
from urllib3.exceptions import HTTPError, InvalidHeader

from harness.host.offline import WHY, is_offline

CHUNK = 1 << 18
TRIES = 4
CONNECT_SECONDS = 10.0
FIRST_PAUSE = 0.5
"""Seconds before the second try; doubled before each later one, plus some at random."""
SILENCE_SECONDS = 20.0
"""Seconds that a server may send nothing."""
DEADLINE_SECONDS = 120.0
"""For one file, all addresses and pauses included; ``SLOWEST`` adds to it."""
SLOWEST = 50_000
"""Minimum bytes per second that a connection is expected to deliver."""
MOST_REDIRECTS = 5
MOST_DIGITS = 15
"""Of a ``Content-Length``."""
BAD_REQUEST = 400
MISSING = (requests.codes.not_found, requests.codes.gone, requests.codes.forbidden)
"""Statuses for a missing file. Object stores that do not list their files answer 403."""
BUSY = 429
SERVER_ERRORS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why one address failed."""

    address: str
    reason: str
    """``404``, ``busy (503)``, ``other bytes``, ``no answer (ConnectTimeout)``."""
    missing: bool = False
    """The server answered that the file does not exist."""


class DownloadError(Exception):
    """Every address failed; one failure for each."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        self.failures = tuple(failures)
        super().__init__(", ".join(failure.reason for failure in failures) or "no address")


class Tracker(Protocol):
    """Receives the progress of a download."""

    def update(self, increment: int, /) -> None:
        """Add the number of bytes received."""


Progress = Callable[[int | None], AbstractContextManager[Tracker]]
"""Maps the size in bytes, None if unknown, to the tracker of a download."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    """The file to download."""

    path: Path
    size: int
    sha256: str
    progress: Progress | None


class _AddressError(Exception):
    def __init__(self, reason: str, *, missing: bool = False, down: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.missing = missing
        self.down = down
        """The server did not answer at all."""


class _BusyError(_AddressError):
    """Another try may help; ``pause`` is the server's ``Retry-After`` in seconds, else 0."""

    def __init__(self, reason: str, *, pause: float = 0.0, down: bool = False) -> None:
        super().__init__(reason, down=down)
        self.pause = pause


class Downloader:
    """Downloads files and skips servers that did not answer before. Thread-safe."""

    def __init__(
        self,
        *,
        deadline: float = DEADLINE_SECONDS,
        silence: float = SILENCE_SECONDS,
        first_pause: float = FIRST_PAUSE,
        open_session: Callable[[], requests.Session] = requests.Session,
    ) -> None:
        self._open_session = open_session
        self._first_pause = first_pause
        self._growing = wait_exponential(multiplier=first_pause, max=8) + wait_random(
            0, first_pause
        )
        self._deadline = deadline
        self._silence = silence
        self._down: dict[str, str] = {}
        self._idle: list[requests.Session] = []

    def copy_without_failures(self) -> Self:
        """Return a downloader with the same limits that has not seen any server fail."""
        return type(self)(
            deadline=self._deadline,
            silence=self._silence,
            first_pause=self._first_pause,
            open_session=self._open_session,
        )

    def download(
        self,
        addresses: Sequence[str],
        path: Path,
        *,
        size: int,
        sha256: str = "",
        progress: Progress | None = None,
    ) -> None:
        """Write the file to ``path`` from the first address that serves it.

        Each address gets its share of the remaining time, so that a slow one leaves time for the
        others. ``size`` is the maximum in bytes. An empty ``sha256`` accepts any bytes. Raises
        ``DownloadError``.
        """
        if is_offline():
            raise DownloadError([Failure(address=addresses[0] if addresses else "", reason=WHY)])
        wanted = _Wanted(path=path, size=size, sha256=sha256, progress=progress)
        end = time.monotonic() + self._deadline
        failures = []
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            server = address.split("/", 3)[2]
            if server in self._down:
                failures.append(Failure(address=address, reason=self._down[server]))
                continue
            try:
                now = time.monotonic()
                return self._try(address, wanted, now + (end - now) / left)
            except _AddressError as error:
                if error.down:
                    self._down[server] = error.reason
                failures.append(
                    Failure(address=address, reason=error.reason, missing=error.missing)
                )
        raise DownloadError(failures)

    def exists(self, address: str, *, timeout: float) -> bool | None:
        """Return whether the server has the file, or None if it does not answer.

        Sends a HEAD request; a redirect counts as yes. Returns within ``timeout`` seconds.
        """

        def ask(_: _Clock) -> int:
            with self._session() as session:
                answer = session.head(address, timeout=timeout, allow_redirects=False)
                return answer.status_code

        try:
            status = _within(_Clock(time.monotonic() + timeout), ask)
        except (requests.RequestException, HTTPError, ValueError, _AddressError):
            return None
        if status in MISSING:
            return False
        return True if status < BAD_REQUEST else None

    @contextlib.contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """Reserve a session for one thread, since requests does not promise thread safety."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = self._open_session()
            # ``_open`` follows redirects; requests would read their bodies.
            session.get_redirect_target = lambda _: None  # type: ignore[assignment,method-assign]
        try:
            yield session
        except BaseException:  # the connection is in an unknown state
            session.close()
            raise
        self._idle.append(session)

    def _try(self, address: str, wanted: _Wanted, end: float) -> None:
        left = max(end - time.monotonic(), 0.0)
        for attempt in Retrying(
            retry=retry_if_exception_type(_BusyError),
            stop=stop_after_attempt(TRIES) | stop_before_delay(left),
            wait=self._pause,
            reraise=True,
        ):
            with attempt:
                self._get(address, wanted, end)

    def _pause(self, state: RetryCallState) -> float:
        """Return the seconds before the next try: ``Retry-After``, or growing and random."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.pause if isinstance(error, _BusyError) else 0.0
        return max(asked, self._growing(state))

    def _get(self, address: str, wanted: _Wanted, end: float) -> None:
        left = end - time.monotonic()
        if left <= 0:
            raise _AddressError("no time left")
        timeout = (min(CONNECT_SECONDS, left), min(self._silence, left))

        def get(clock: _Clock) -> None:
            with self._session() as session, _open(session, address, timeout) as answer:
                _check_status(answer)
                _write(answer, wanted, clock)

        try:
            _within(_Clock(end), get)
        except (
            requests.ConnectionError,
            requests.Timeout,
            urllib3.exceptions.TimeoutError,
        ) as error:
            # A server that was given less than the usual time may not be down.
            down = left > self._silence
            raise _BusyError(f"no answer ({_innermost(error)})", down=down) from error
        except ValueError as error:  # an invalid address, number or text
            raise _AddressError("invalid answer") from error
        except (requests.RequestException, HTTPError) as error:
            raise _BusyError(f"cut short ({_innermost(error)})") from error


class _Clock:
    """The end of a request on the monotonic clock; a large body moves it."""

    def __init__(self, end: float) -> None:
        self.end = end


T = TypeVar("T")


def _within(clock: _Clock, work: Callable[[_Clock], T]) -> T:
    """Return or raise the result of ``work``; raise ``_AddressError`` at the end of the clock.

    A server that sends single bytes evades every read timeout, so the work runs in a daemon
    thread, which is abandoned.
    """
    done: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(clock), None))
        except BaseException as error:  # noqa: BLE001 - raised in the waiting thread
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    while True:
        try:
            result, error = done.get(timeout=max(clock.end - time.monotonic(), 0.01))
        except queue.Empty:
            if time.monotonic() < clock.end:
                continue
            raise _AddressError("too slow: no end before the deadline") from None
        if error is not None:
            raise error
        return cast("T", result)


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return or raise the result of ``work``, or raise ``DownloadError`` after so many seconds.

    The work then goes on in a daemon thread, which is abandoned.
    """
    try:
        return _within(_Clock(time.monotonic() + seconds), lambda _: work())
    except _AddressError as error:
        raise DownloadError([Failure(address="", reason=error.reason)]) from error


def read_body(answer: requests.Response, most: int) -> bytes:
    """Return the decoded body of a streamed answer.

    Raises ``DownloadError`` for more than ``most`` bytes, and what requests raises.
    """
    data = bytearray()
    for piece in answer.iter_content(CHUNK):
        data += piece
        if len(data) > most:
            raise DownloadError([Failure(address="", reason=f"more than {most} bytes")])
    return bytes(data)


@contextlib.contextmanager
def _open(
    session: requests.Session, address: str, timeout: tuple[float, float]
) -> Iterator[requests.Response]:
    """Request an address and follow redirects without reading their bodies."""
    for _ in range(MOST_REDIRECTS):
        # Identity: the digest is that of the file, not of a compressed transfer.
        answer = session.get(
            address,
            timeout=timeout,
            stream=True,
            headers={"Accept-Encoding": "identity"},
            allow_redirects=False,
        )
        if not answer.is_redirect:
            with answer:
                yield answer
            return
        answer.close()
        address = urljoin(address, answer.headers["Location"])
        if urlsplit(address).scheme not in ("http", "https"):
            break
    raise _AddressError("too many redirects, or one that is not HTTP")


def _check_status(answer: requests.Response) -> None:
    status = answer.status_code
    if status in MISSING:
        raise _AddressError(str(status), missing=True)
    if status == BUSY or status >= SERVER_ERRORS:
        raise _BusyError(f"busy ({status})", pause=_asked_pause(answer))
    if status != requests.codes.ok:
        raise _AddressError(f"status {status}")


def _asked_pause(answer: requests.Response) -> float:
    """Return the seconds of ``Retry-After`` (RFC 9110, 10.2.3); 0 if missing or invalid."""
    try:
        return max(Retry().parse_retry_after(answer.headers.get("Retry-After", "0")), 0.0)
    except (InvalidHeader, ValueError, OverflowError):
        return 0.0


def _write(answer: requests.Response, wanted: _Wanted, clock: _Clock) -> None:
    """Write the body of an answer. Its size extends the deadline as ``SLOWEST`` allows."""
    length = answer.headers.get("Content-Length", "")
    promised = int(length) if length.isdecimal() and len(length) <= MOST_DIGITS else None
    if promised is not None and promised > wanted.size:
        raise _AddressError(f"{promised} bytes instead of {wanted.size}")
    clock.end += (promised or 0) / SLOWEST
    digest, done = hashlib.sha256(), 0
    tracked = wanted.progress(promised) if wanted.progress else contextlib.nullcontext()
    with wanted.path.open("wb") as out, tracked as tracker:
        # Not iter_content, which waits for a whole chunk.
        while chunk := answer.raw.read1(CHUNK):
            done += len(chunk)
            if done > wanted.size:
                raise _AddressError(f"more than {wanted.size} bytes")
            if time.monotonic() > clock.end:
                raise _AddressError(f"too slow: {done} bytes before the deadline")
            digest.update(chunk)
            out.write(chunk)
            if tracker:
                tracker.update(len(chunk))
    if promised is not None and done < promised:
        raise _BusyError(f"cut short at {done} of {promised} bytes")
    if wanted.sha256 and digest.hexdigest() != wanted.sha256:
        raise _AddressError("other bytes")


def _innermost(error: Exception) -> str:
    """Return the name of the cause without its text, whose addresses may hold a password."""
    inner = error.args[0] if error.args else error
    cause = getattr(inner, "reason", None) or inner
    return type(cause if isinstance(cause, Exception) else error).__name__
