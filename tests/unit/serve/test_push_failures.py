"""What `wheelgrid push` says of addresses that are no service, by real servers on loopback."""

import contextlib
import http.server
import re
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.serve import push
from harness.serve.push import PushError, push_run
from tests.support.commands import free_port
from tests.support.service import ServiceClient, fill_store
from tests.support.tls_folder import make_certificates


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "TRIES", 1)
    monkeypatch.setattr(push, "SECONDS", (1.0, 0.5))


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Return the store of another machine."""
    path = tmp_path / "night.db"
    fill_store(path)
    return path


def complaint(night: Path, url: str, token: str = "wg_x") -> str:  # noqa: S107 - of no service
    with pytest.raises(PushError) as raised:
        push_run(night, "last", url, token, told=lambda _: None)
    (line,) = str(raised.value).splitlines()
    assert not re.search(r"urllib3|HTTPConnection|Errno|object at|\x1b", line)
    return line.removeprefix(f"{url}: ")


@contextlib.contextmanager
def answering(
    status: int, body: str = "", *, tls: Path | None = None, **headers: str
) -> Iterator[str]:
    """Run a server that gives every POST the same answer; return its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if status == 0:
                return  # closes the connection
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # a client that breaks off, or speaks no TLS

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        server.shutdown()


HTML = "<html><title>Welcome</title>\x1b[2J</html>"


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, HTML, "this is no Wheelgrid service; give the address at which the grid is shown"),
        (200, "x" * 1_000_000, "this is no Wheelgrid service"),
        (404, HTML, "404: this is no Wheelgrid service"),
        (404, '{"detail": "no \\u001b[2J run"}', r"404: no \x1b[2J run"),
        (401, HTML, "the token is refused; set WHEELGRID_TOKEN"),
        (413, HTML, "bytes is refused; raise the limit of the proxy"),
        (502, HTML, "it cannot answer now: 502; push again later"),
        (200, '{"id": "x", "observations": 0, "complete": false}', "it stores nothing"),
        (0, "", "push again later, what is there is not sent twice"),
    ],
)
def test_answers_of_something_else(night: Path, status: int, body: str, says: str) -> None:
    """One line with the next step; nothing of the answer reaches the terminal unescaped."""
    with answering(status, body) as url:
        assert says in complaint(night, url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(night: Path, status: int) -> None:
    """The token would go to another address; the line names the one to push to."""
    to = "https://grid.example.org/api/v1/runs"
    with answering(status, location=to) as url:
        assert complaint(night, url) == "it redirects; push to https://grid.example.org"


def test_nothing_listens(night: Path) -> None:
    """The address may be wrong, or the service not running."""
    assert "nothing listens there" in complaint(night, f"http://127.0.0.1:{free_port()}")


def test_no_such_host(night: Path) -> None:
    """RFC 6761 reserves a name that no host has."""
    assert complaint(night, "http://grid.invalid") == "no such host; is the address right?"


def test_a_silent_server(night: Path) -> None:
    """It accepts the connection and never answers."""
    stop = threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def handle(self) -> None:
            stop.wait()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert "no answer in" in complaint(night, f"http://127.0.0.1:{server.server_port}")
        stop.set()
        server.shutdown()


def test_tls_that_does_not_verify(
    night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the variable, and with it the certificate is trusted."""
    folder = make_certificates(tmp_path / "tls")
    with answering(200, HTML, tls=folder) as url:
        said = complaint(night, url)
        assert "its certificate is not trusted (unable to get local issuer certificate)" in said
        assert "REQUESTS_CA_BUNDLE" in said
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "ca.pem"))
        assert "no Wheelgrid service" in complaint(night, url)


def test_tls_is_not_spoken(night: Path, client: ServiceClient) -> None:
    """The service itself speaks plain HTTP."""
    url = client.url.replace("http://", "https://")
    assert complaint(night, url) == "it does not speak TLS; is its address one with http:// ?"


def test_a_dead_proxy(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named, because the address may be right."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("NO_PROXY", "")
    assert "the proxy cannot be reached" in complaint(night, "http://grid.invalid")


@pytest.mark.parametrize(
    "url",
    ["nonsense", "ftp://x", "http://", "http://[::1", "http://x:99999", "https://x/?q=1", ""],
)
def test_no_address(night: Path, url: str) -> None:
    """It is reported before anything is sent."""
    assert "no address of a service; give one such as https://" in complaint(night, url)


@pytest.mark.parametrize("token", ["wg_…", "a b", "a\nb"])
def test_a_token_that_is_none(night: Path, token: str) -> None:
    """No header can have it; the token itself is not shown."""
    said = complaint(night, "http://grid.invalid", token)
    assert said == "no token of a service looks like this one; copy it again"


def test_the_first_failure_is_reported(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the next attempts knows why."""
    monkeypatch.setattr(push, "TRIES", 2)
    url, told = f"http://127.0.0.1:{free_port()}", list[str]()
    with pytest.raises(PushError):
        push_run(night, "last", url, "wg_x", told=told.append)
    assert told == [f"{url}: nothing listens there; trying again"]
