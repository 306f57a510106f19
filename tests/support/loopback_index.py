"""A minimal package index on loopback (PEP 503)."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from urllib3 import Retry


@dataclass
class LoopbackIndex:
    """The index's address, files, next faults and requests."""

    endpoint: str = ""
    pages: dict[str, bytes] = field(default_factory=dict)
    """Bodies by path."""
    statuses: list[int] = field(default_factory=list)
    """Status codes for the next requests, instead of answers."""
    breaks: list[int] = field(default_factory=list)
    """Lengths at which the next bodies are cut."""
    asked: list[str] = field(default_factory=list)
    kind: str = "text/html"
    """Content type of pages."""
    parts: bool = False
    """Whether it serves byte ranges (RFC 9110, section 14)."""

    def serve(self, project: str, *links: str, **bodies: bytes) -> None:
        """Serve a project's page of links, and files under ``/files/``."""
        self.pages[f"/simple/{project}/"] = "".join(f"<a {link}</a>\n" for link in links).encode()
        self.pages.update({f"/files/{name}": body for name, body in bodies.items()})

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        span = re.fullmatch(r"bytes=(-?\d+)(?:-(\d*))?", request.headers.get("Range", ""))
        if self.parts and span:
            self.answer_part(request, int(span[1]), int(span[2]) if span[2] else None)
            return
        self.asked.append(request.path)
        body = self.pages.get(request.path, b"")
        status = 200 if request.path in self.pages else 404
        request.send_response(self.statuses.pop(0) if self.statuses else status)
        request.send_header("Content-Type", self.kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        whole = request.path.startswith("/simple") or not self.breaks
        request.wfile.write(body if whole else body[: self.breaks.pop(0)])

    def answer_part(self, request: BaseHTTPRequestHandler, first: int, last: int | None) -> None:
        self.asked.append(f"{request.path} {first}")
        body = self.pages[request.path]
        start = max(0, len(body) + first) if first < 0 else first
        part = body[start : None if last is None else last + 1]
        request.send_response(206)
        request.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(body)}")
        request.send_header("Content-Length", str(len(part)))
        request.end_headers()
        request.wfile.write(part)


@pytest.fixture
def impatient() -> Retry:
    """Try four times without waiting."""
    return Retry(total=3, backoff_factor=0, status_forcelist=(503,))


@pytest.fixture
def loopback_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackIndex]:
    """Serve an index for one test on a port of 127.0.0.1, without a proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    index = LoopbackIndex()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(index.answer))
    index.endpoint = f"http://user:secret@127.0.0.1:{server.server_port}/simple/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield index
    server.shutdown()
    thread.join()
    server.server_close()


def handler(answer: Callable[[BaseHTTPRequestHandler], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name there
            pass

    return Handler
