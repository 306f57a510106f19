"""A proxy socket before the engine's, which a test can cut."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import docker

_PIECE = 1 << 16


class EngineProxy:
    """Passes bytes between its Unix socket and the engine's."""

    def __init__(self, path: Path, engine: str) -> None:
        self.host = f"unix://{path}"
        self._path = path
        self._engine = engine
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close the socket and every open connection, like a stopped engine."""
        self._path.unlink(missing_ok=True)
        with self._lock:
            for end in (self._listener, *self._open):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def _accept(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(self._engine)
                with self._lock:
                    self._open += [client, engine]
                for ends in ((client, engine), (engine, client)):
                    threading.Thread(target=_pass_on, args=ends, daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def engine_proxy(path: Path) -> Iterator[EngineProxy]:
    """Listen at ``path`` before the engine of the environment."""
    client = docker.from_env()
    address = client.api.base_url
    engine = client.api.adapters["http+docker://"].socket_path
    client.close()
    assert address.startswith("http+docker"), f"the engine is not on a Unix socket: {address}"
    proxy = EngineProxy(path, engine)
    try:
        yield proxy
    finally:
        proxy.cut()
