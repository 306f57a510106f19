"""How long a request to the container engine may take, by what it asks for.

A request is limited in silence (seconds until the first and between two parts of the answer) and
in total, however slowly an answer arrives. Both end it, and neither says anything about a wheel.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, TypeVar

import requests

Part = TypeVar("Part")


class Ask(StrEnum):
    """What a request asks for; the values are for messages."""

    PING = "answer at all"
    QUERY = "answer a question"
    CREATE = "create a container"
    ATTACH = "attach to a container"
    START = "start a container"
    REMOVE = "remove a container or an image"
    WAIT = "report the end of a container"
    COMMIT = "commit a container"
    LOAD = "load an image"
    EXPORT = "export an image"
    PULL = "pull an image"
    DIGEST = "ask a registry for a digest"


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestLimit:
    """Seconds."""

    silence: float
    total: float


REQUEST_LIMITS = {
    Ask.PING: RequestLimit(silence=5, total=5),
    Ask.QUERY: RequestLimit(silence=60, total=60),
    # A machine with many containers and a slow disk takes tens of seconds for one.
    Ask.CREATE: RequestLimit(silence=120, total=120),
    Ask.ATTACH: RequestLimit(silence=60, total=60),
    Ask.START: RequestLimit(silence=120, total=120),
    # A container that is not removed in time ends with its standard input, and is reaped later.
    Ask.REMOVE: RequestLimit(silence=30, total=30),
    Ask.WAIT: RequestLimit(silence=60, total=60),
    # The engine says nothing while it writes the layer.
    Ask.COMMIT: RequestLimit(silence=600, total=600),
    # It reads the whole archive before it reports progress.
    Ask.LOAD: RequestLimit(silence=300, total=1800),
    Ask.EXPORT: RequestLimit(silence=120, total=1800),
    # It reports the progress of each layer. A registry that sends nothing for that long hangs.
    Ask.PULL: RequestLimit(silence=120, total=3600),
    Ask.DIGEST: RequestLimit(silence=60, total=60),
}


class RequestTimeoutError(requests.Timeout):
    """A request took longer in total than it may."""


@dataclass(kw_only=True, slots=True)
class Deadline:
    """The end of one request."""

    limit: RequestLimit
    end: float
    """On the ``time.monotonic`` clock."""
    answers: list[requests.Response] = field(default_factory=list)
    timers: list[threading.Timer] = field(default_factory=list)

    def seconds(self) -> float:
        """Return how long the engine may say nothing now. Raises ``RequestTimeoutError``."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise RequestTimeoutError(f"timed out after {self.limit.total:.0f} s")
        return min(self.limit.silence, left)

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.end

    def answer(
        self, request: Callable[[], requests.Response], *, streams: bool
    ) -> requests.Response:
        """Return the answer to a request. Raises ``RequestTimeoutError`` past the end.

        No library limits a request in total, so it runs in a thread, which is left alone if the
        answer arrives byte by byte. If it ``streams``, its body is read later, and its connection
        is shut at the end.
        """
        self.seconds()
        asked: Future[requests.Response] = Future()
        threading.Thread(target=_ask, args=(request, asked), daemon=True).start()
        wait([asked], self.end - time.monotonic())
        if not asked.done():
            asked.add_done_callback(_close)
            self.seconds()
        answer = asked.result()
        self.answers.append(answer)
        if streams:
            timer = threading.Timer(self.end - time.monotonic(), _shut, [answer])
            timer.daemon = True
            timer.start()
            self.timers.append(timer)
        return answer

    def engine_time(self) -> int:
        """Return the engine's time of its last answer, in Unix seconds.

        Events of the engine are asked for by its clock: this machine's may be another one, or
        jump. Every answer has a date (RFC 9110, 6.6.1).
        """
        date = self.answers[-1].headers.get("Date")
        return int(parsedate_to_datetime(date).timestamp() if date else time.time())

    def each(self, parts: Iterable[Part]) -> Iterator[Part]:
        """Yield the parts of an answer. Raises ``RequestTimeoutError`` past the end."""
        for part in parts:
            self.seconds()
            yield part


def _ask(request: Callable[[], requests.Response], asked: Future[requests.Response]) -> None:
    try:
        asked.set_result(request())
    except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
        # Raised again, it gets another context; its cause stays.
        error.__cause__ = error.__cause__ or error.__context__
        asked.set_exception(error)


def _close(asked: Future[requests.Response]) -> None:
    if asked.exception() is None:
        asked.result().close()


def _shut(answer: requests.Response) -> None:
    """Shut the connection of an answer that another thread reads."""
    with contextlib.suppress(AttributeError, OSError):  # its connection may be closed already
        raw: Any = answer.raw
        # As docker-py does (`_get_raw_response_socket`).
        raw._fp.fp.raw._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001


def _deadline(ask: Ask, seconds: float | None = None) -> Deadline:
    limit = REQUEST_LIMITS[ask]
    if seconds is not None:
        limit = RequestLimit(silence=min(limit.silence, seconds), total=min(limit.total, seconds))
    return Deadline(limit=limit, end=time.monotonic() + limit.total)


_CURRENT: ContextVar[Deadline | None] = ContextVar("deadline", default=None)
"""The deadline of this thread's request."""


@contextlib.contextmanager
def within(ask: Ask, seconds: float | None = None) -> Iterator[Deadline]:
    """Limit the requests of this thread; ``seconds`` shortens the limit of ``ask``.

    Closes the answers if the block raises, so that the engine stops its work on them.
    """
    deadline = _deadline(ask, seconds)
    token = _CURRENT.set(deadline)
    try:
        yield deadline
    except BaseException:
        for answer in deadline.answers:
            answer.close()
        raise
    finally:
        for timer in deadline.timers:
            timer.cancel()
        _CURRENT.reset(token)


def current_deadline() -> Deadline:
    """Return the deadline of this thread's request; that of a query outside of ``within``."""
    return _CURRENT.get() or _deadline(Ask.QUERY)
