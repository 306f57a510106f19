"""An HTTP server on loopback that serves files, logs requests, and fails as a test asks for."""

import contextlib
import fnmatch
import http.server
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote

_SLOW_SECONDS = 0.02
"""Between two bytes of a slow answer."""
_HANG_SECONDS = 60
_LATE_SECONDS = 0.2


class Fault(StrEnum):
    """A way to fail instead of answering with the file."""

    MISSING = "missing"
    """404."""
    OTHER_BYTES = "other bytes"
    """As many bytes; the last one differs."""
    HALF = "half"
    """Announces all bytes and sends half of them."""
    SHORT = "short"
    """Announces half of the bytes and sends those."""
    LONGER = "longer"
    """Announces no length and sends the file twice."""
    LIMITED = "limited"
    """429."""
    UNAVAILABLE = "unavailable"
    """503."""
    HANG = "hang"
    """Accepts the request and never answers."""
    SLOW = "slow"
    """Sends byte by byte, and never ends."""
    VANISH = "vanish"
    """The server ends in the middle of this answer."""
    LATE = "late"
    """Answers with the file after a pause."""


_STATUS = {Fault.MISSING: 404, Fault.LIMITED: 429, Fault.UNAVAILABLE: 503}


@dataclass(kw_only=True, slots=True)
class _Tear:
    pattern: str
    fault: Fault
    times: int | None
    retry_after: str

    def fits(self, path: str) -> bool:
        return self.times != 0 and fnmatch.fnmatchcase(path, self.pattern)


class TornServer:
    """Serves files by path (``pool/a.deb``), from a mapping or a folder; they may change."""

    def __init__(self, files: Mapping[str, bytes] | Path, port: int = 0) -> None:
        self.files = files
        self.ranges = False
        """Serve byte ranges (RFC 9110, section 14)."""
        self.kind = "text/html"
        """Content type of every answer; the page of an index needs one."""
        self.log: list[str] = []
        """The path of each request; for a range also its first byte."""
        self._tears: list[_Tear] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._ended = threading.Event()
        handler = type("Handler", (_Handler,), {"torn": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.port = self._server.server_port
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def tear(
        self, pattern: str, fault: Fault, *, times: int | None = None, retry_after: str = ""
    ) -> None:
        """Answer requests for paths that match the glob with ``fault``: always, or ``times`` times.

        The last tear that matches a path applies.
        """
        self._tears.append(
            _Tear(pattern=pattern, fault=fault, times=times, retry_after=retry_after)
        )

    def repair(self) -> None:
        """Forget every tear and every request."""
        self._tears.clear()
        self.log.clear()

    @property
    def requests(self) -> Counter[str]:
        """The number of requests by path."""
        return Counter(self.log)

    def asked(self, pattern: str = "*") -> int:
        """Return how many requests there were that match the glob."""
        return len(fnmatch.filter(self.log, pattern))

    def vanish(self) -> None:
        """Stop listening and cut every open connection; idempotent."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    # --- for the handler ---------------------------------------------------------------------

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; None if missing."""
        if isinstance(self.files, Path):
            file = self.files / path
            return file.read_bytes() if file.is_file() else None
        return self.files.get(path)

    def begin(self, path: str, first: str = "") -> tuple[Fault | None, str]:
        """Log a request; return its fault, if any, and ``Retry-After``."""
        with self._lock:
            self.log.append(f"{path} {first}".rstrip())
            for tear in reversed(self._tears):
                if tear.fits(path):
                    if tear.times is not None:
                        tear.times -= 1
                    return tear.fault, tear.retry_after
        return None, ""

    def watch(self, connection: socket.socket, *, is_open: bool) -> None:
        """Record that a connection is open or closed."""
        with self._lock:
            (self._open.add if is_open else self._open.discard)(connection)

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the server; return whether it ended within ``seconds``."""
        return self._ended.wait(seconds)

    def vanish_soon(self) -> None:
        """Vanish, called from within an answer."""
        threading.Thread(target=self.vanish, daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    torn: TornServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.torn.watch(self.connection, is_open=True)

    def finish(self) -> None:
        self.torn.watch(self.connection, is_open=False)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        path = unquote(self.path).lstrip("/")
        span = re.fullmatch(r"bytes=(-?\d+)(?:-(\d*))?", self.headers.get("Range", ""))
        span = span if self.torn.ranges else None
        fault, retry_after = self.torn.begin(path, span[1] if span else "")
        data = self.torn.read(path)
        if fault is Fault.LATE:
            self.torn.wait(_LATE_SECONDS)
        without_file = fault in _STATUS or fault is Fault.HANG
        if span and data:
            self._answer_range(data, int(span[1]), int(span[2]) if span[2] else None)
        elif fault is None or fault is Fault.LATE or (data is None and not without_file):
            self._answer(data)
        else:
            with contextlib.suppress(OSError):
                self._fail(fault, data or b"", retry_after)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, data: bytes | None) -> None:
        if data is None:
            self._status(404)
        else:
            self._promise(len(data))
            self._send(data)

    def _answer_range(self, data: bytes, first: int, last: int | None) -> None:
        start = max(0, len(data) + first) if first < 0 else first
        part = data[start : None if last is None else last + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self._send(part)

    def _fail(self, fault: Fault, data: bytes, retry_after: str) -> None:
        if fault in _STATUS:
            self._status(_STATUS[fault], retry_after)
            return
        self.close_connection = True
        if fault is Fault.HANG:
            self.torn.wait(_HANG_SECONDS)
        elif fault is Fault.SLOW:
            self._promise(None)
            while not self.torn.wait(_SLOW_SECONDS):
                self._send(b"x")
        else:
            promised, given = _body(fault, data)
            self._promise(promised)
            self._send(given)
        if fault is Fault.VANISH:
            self.torn.vanish_soon()
            self.torn.wait(_HANG_SECONDS)

    def _status(self, status: int, retry_after: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()

    def _promise(self, length: int | None) -> None:
        """Begin an answer of so many bytes; with None it ends with the connection."""
        self.send_response(200)
        self.send_header("Content-Type", self.torn.kind)
        if length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(self, data: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(data)
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def _body(fault: Fault, data: bytes) -> tuple[int | None, bytes]:
    """Return the announced length and the bytes that are sent."""
    half = data[: len(data) // 2]
    match fault:
        case Fault.OTHER_BYTES:
            return len(data), data[:-1] + bytes([data[-1] ^ 1])
        case Fault.SHORT:
            return len(half), half
        case Fault.LONGER:
            return None, data * 2
        case _:
            return len(data), half


@contextlib.contextmanager
def torn_server(files: Mapping[str, bytes] | Path, port: int = 0) -> Iterator[TornServer]:
    """Serve files until the end of the context, at any free port or at ``port``."""
    server = TornServer(files, port)
    try:
        yield server
    finally:
        server.vanish()
