"""A proxy socket before the engine's: it stalls, cuts and lies when a test says so."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path

import docker

_PIECE = 1 << 16


class Deed(Enum):
    """What the proxy does with a request, instead of passing it on."""

    STALL = auto()
    """Nothing, and the connection stays open."""
    CUT = auto()
    """It closes the connection."""
    HALF = auto()
    """It passes the request on, and closes the connection after a part of the answer."""
    DRIP = auto()
    """It passes the request on, and the answer byte by byte, with a pause after each."""
    DRIP_BODY = auto()
    """As ``DRIP``, after a whole header."""
    GARBAGE = auto()
    """It answers with something that is no HTTP."""
    NO_JSON = auto()
    """It answers with a page, as a proxy of a company does."""
    OTHER_JSON = auto()
    """It answers with JSON that the API does not have there."""
    ERROR = auto()
    """It answers with a status of 500."""


_ANSWERS = {
    Deed.GARBAGE: b"\x00\xff" * 40,
    Deed.NO_JSON: b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
    Deed.OTHER_JSON: b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[{"a":1}]',
    Deed.ERROR: b'HTTP/1.1 500 Oh\r\nContent-Length: 18\r\n\r\n{"message": "sick"}'.replace(
        b": ", b":"
    ),
}
_PAUSE = 0.2
"""Seconds between two bytes that drip."""
_HALF = 30
"""Bytes of an answer that are passed on before a cut: less than its header."""


class EngineProxy:
    """Passes bytes between its Unix socket and the engine's."""

    def __init__(self, path: Path, engine: str) -> None:
        self.host = f"unix://{path}"
        self._path = path
        self._engine = engine
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._faults: dict[bytes, Deed | bytes] = {}
        self.hits = 0
        """Requests that met a fault."""
        self.restore()

    def cut(self) -> None:
        """Close the socket and every open connection, like a stopped engine."""
        self._path.unlink(missing_ok=True)
        self._flows.set()
        with self._lock:
            for end in (self._listener, *self._open):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def restore(self) -> None:
        """Listen again after ``cut``."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stall(self) -> None:
        """Pass nothing on in either direction, on any connection, until ``resume``."""
        self._flows.clear()

    def resume(self) -> None:
        """Pass everything on again, and meet no request with a fault."""
        self._faults.clear()
        self._flows.set()

    def on(self, request: bytes, deed: Deed) -> None:
        """Meet every request whose first line contains ``request`` with a fault."""
        self._faults[request] = deed

    def say_machine(self, machine: str) -> None:
        """Let the engine say that it is on another machine."""
        client = docker.APIClient(f"unix://{self._engine}")
        body = json.dumps({**client.info(), "Architecture": machine}).encode()
        client.close()
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        self._faults[b"/info "] = head.encode() + body

    def _accept(self, listener: socket.socket) -> None:
        with listener, contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(self._engine)
                with self._lock:
                    self._open += [client, engine]
                met: list[Deed] = []
                for way in (self._requests, self._answers):
                    flow = (client, engine, met)
                    threading.Thread(target=way, args=flow, daemon=True).start()

    def _requests(self, client: socket.socket, engine: socket.socket, met: list[Deed]) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(_PIECE):
                self._flows.wait()
                match self._deed(piece):
                    case None:
                        engine.sendall(piece)
                    case Deed.HALF | Deed.DRIP | Deed.DRIP_BODY as deed:
                        met.append(deed)
                        engine.sendall(piece)
                    case Deed.STALL:
                        pass
                    case deed:
                        answer = deed if isinstance(deed, bytes) else _ANSWERS.get(deed, b"")
                        client.sendall(answer)
                        client.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            engine.shutdown(socket.SHUT_WR)

    def _answers(self, client: socket.socket, engine: socket.socket, met: list[Deed]) -> None:
        with contextlib.suppress(OSError):
            while piece := engine.recv(_PIECE):
                self._flows.wait()
                match met:
                    case [Deed.HALF, *_]:
                        client.sendall(piece[:_HALF])
                        break
                    case [deed, *_]:
                        _drip(client, piece, whole_header=deed is Deed.DRIP_BODY)
                    case _:
                        client.sendall(piece)
        half = Deed.HALF in met
        for end in (client, engine) if half else (client,):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR if half else socket.SHUT_WR)

    def _deed(self, piece: bytes) -> Deed | bytes | None:
        line = piece.partition(b"\r\n")[0]
        if b" HTTP/1." not in line:
            return None
        deed = next((deed for part, deed in self._faults.items() if part in line), None)
        self.hits += deed is not None
        return deed


def _drip(client: socket.socket, piece: bytes, *, whole_header: bool) -> None:
    header, end, body = piece.partition(b"\r\n\r\n") if whole_header else (b"", b"", piece)
    client.sendall(header + end)
    for byte in body:
        client.sendall(bytes([byte]))
        time.sleep(_PAUSE)


@contextlib.contextmanager
def engine_proxy(path: Path, engine: str = "") -> Iterator[EngineProxy]:
    """Listen at ``path`` before the engine's Unix socket, by default that of the environment."""
    proxy = EngineProxy(path, engine or _socket_of_environment())
    try:
        yield proxy
    finally:
        proxy.cut()


def _socket_of_environment() -> str:
    client = docker.from_env()
    address = client.api.base_url
    path: str = client.api.adapters["http+docker://"].socket_path
    client.close()
    assert address.startswith("http+docker"), f"the engine is not on a Unix socket: {address}"
    return path
