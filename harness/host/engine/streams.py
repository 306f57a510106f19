"""The standard streams of a container over the engine's attach socket.

The engine multiplexes standard output and error into frames: an eight-byte header (stream number,
three zero bytes, length) and the payload (Docker Engine API, "Attach to a container"). Every wait
has a deadline.
"""

import contextlib
import os
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

from harness.core.errors import EngineError
from harness.host.engine.api import ChannelClosedError, ChannelTimeoutError, ContainerEnd

_HEADER = 8
_STDERR = 2
_CHUNK = 1 << 16
ERRORS_KEPT = 8192
MOST_OUTPUT = 128 << 20
"""Bytes of output that ``exchange`` holds in memory."""
SEND_SECONDS = 120
"""A container that reads no input for this long hangs."""


class Streams:
    """``Channel`` over an attached container."""

    def __init__(
        self,
        container: str,
        attached: Any,  # noqa: ANN401 - docker-py returns a socket or a wrapper of one
        *,
        remove: Callable[[], None],
        ending: Callable[[], ContainerEnd],
        check_engine: Callable[[], None],
    ) -> None:
        self.container = container
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.setblocking(False)  # a part of a record is readable and gives no data
        self._remove = remove
        self._ending = ending
        self._check_engine = check_engine
        self._raw = bytearray()
        self._output = bytearray()
        self._errors = bytearray()
        self._ended = False

    def send(self, data: bytes) -> None:
        self._pump(memoryview(data), time.monotonic() + SEND_SECONDS)

    def receive(self, size: int, *, deadline: float) -> bytes:
        while len(self._output) < size:
            if self._ended:
                raise ChannelClosedError
            self._wait(deadline)
        data = bytes(self._output[:size])
        del self._output[:size]
        return data

    def exchange(self, data: bytes, *, deadline: float) -> bytes:
        """Write ``data``, close standard input, and return all of standard output.

        Raises ``EngineError`` beyond ``MOST_OUTPUT``.
        """
        with contextlib.suppress(ChannelClosedError):
            self._pump(memoryview(data), deadline)
            with contextlib.suppress(OSError):
                self._end_input()
        while not self._ended:
            self._wait(deadline)
            if len(self._output) > MOST_OUTPUT:
                raise EngineError(f"a container printed more than {MOST_OUTPUT} bytes; killed it")
        return bytes(self._output)

    def lines(self, *, deadline: float) -> Iterator[str]:
        """Yield the lines of standard output until the container ends; long ones in pieces.

        Raises ``ChannelTimeoutError`` past the deadline.
        """
        while not self._ended:
            self._wait(deadline)
            *lines, rest = self._output.split(b"\n")
            if len(rest) > _CHUNK or self._ended:
                lines, rest = [*lines, rest], bytearray()
            self._output = rest
            yield from (line.decode("utf-8", "replace") for line in lines if line)

    def errors(self) -> str:
        return self._errors.decode("utf-8", "replace")

    def ending(self) -> ContainerEnd:
        return self._ending()

    def check_engine(self) -> None:
        self._check_engine()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._attached.close()
            if isinstance(self._attached, ssl.SSLSocket):
                # docker-py keeps the answer there, and it keeps the socket open.
                self._attached._response.close()  # type: ignore[attr-defined] # noqa: SLF001
        with contextlib.suppress(EngineError):
            self._remove()

    def _pump(self, data: memoryview, deadline: float) -> None:
        """Write ``data`` and read at the same time, so that neither side blocks the other."""
        while data:
            if self._ended:
                raise ChannelClosedError
            readable, writable = self._wait(deadline, writing=True)
            if writable and not (readable and self._ended):
                try:
                    data = data[self._socket.send(data[:_CHUNK]) :]
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    continue
                except OSError as error:
                    raise ChannelClosedError from error

    def _end_input(self) -> None:
        """Close the container's standard input; its output goes on."""
        if not isinstance(self._socket, ssl.SSLSocket):
            self._socket.shutdown(socket.SHUT_WR)
            return
        while self._socket.pending():
            self._read()
        _send_close_notify(self._socket)

    def _wait(self, deadline: float, *, writing: bool = False) -> tuple[bool, bool]:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            self._read()
            return True, False
        left = deadline - time.monotonic()
        readable, writable, _ = select.select(
            [self._socket], [self._socket] if writing else [], [], max(left, 0)
        )
        if not readable and not writable:
            raise ChannelTimeoutError
        if readable:
            self._read()
        return bool(readable), bool(writable)

    def _read(self) -> None:
        try:
            chunk = self._socket.recv(_CHUNK)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            chunk = b""
        self._ended = not chunk
        self._raw += chunk
        while len(self._raw) >= _HEADER:
            size = int.from_bytes(self._raw[4:_HEADER], "big")
            if len(self._raw) < _HEADER + size:
                return
            payload = self._raw[_HEADER : _HEADER + size]
            if self._raw[0] == _STDERR:
                self._errors = (self._errors + payload)[-ERRORS_KEPT:]
            else:
                self._output += payload
            del self._raw[: _HEADER + size]


def _send_close_notify(tls: ssl.SSLSocket) -> None:
    """Send the alert that ends one direction of a TLS connection (RFC 8446, 6.1).

    ``unwrap`` sends it and reads on for the other side's, and data that it meets instead breaks the
    connection. So the socket is another one meanwhile, on which nothing comes.
    """
    own, other = socket.socketpair()
    with own, other, os.fdopen(os.dup(tls.fileno())) as kept:
        own.setblocking(False)
        os.dup2(own.fileno(), tls.fileno())
        try:
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.unwrap()
        finally:
            os.dup2(kept.fileno(), tls.fileno())
        os.write(tls.fileno(), other.recv(_CHUNK))
