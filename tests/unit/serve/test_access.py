"""Who may read and push: tokens, loopback, forged ones."""

import base64
import json
import socket
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.serve.access import is_loopback, split_address
from harness.serve.server import serve_store
from harness.serve.tokens import Tokens
from tests.support.service import ServiceClient


def basic(token: str) -> str:
    return "Basic " + base64.b64encode(f"me:{token}".encode()).decode()


@pytest.mark.parametrize("scheme", ["Bearer {}", "bearer {}", "basic"])
def test_a_token_opens_it(untrusted: ServiceClient, token: str, scheme: str) -> None:
    """As a bearer, and as a browser's password."""
    header = basic(token) if scheme == "basic" else scheme.format(token)
    assert untrusted.get("/runs").status_code == 401
    assert "Basic" in untrusted.get("/runs").headers["www-authenticate"]
    assert untrusted.get("/runs", headers={"authorization": header}).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wg_forged",
        "Basic !!!",
        "Basic " + "QQ==",
        "Digest x",
        "\u00e9",
    ],
)
def test_forged_tokens(untrusted: ServiceClient, store: Path, token: str, header: str) -> None:
    """Neither reading nor pushing; a digest from the file is no token."""
    digest = json.loads(Tokens(store).path.read_text())["tests"]
    for given in (header, f"Bearer {digest}", f"Bearer {token[:-1]}"):
        headers = {"authorization": given.encode("latin-1")}
        assert untrusted.get("/api/v1/runs", headers=headers).status_code == 401
        assert untrusted.post("/api/v1/runs", headers=headers, json={}).status_code == 401


def test_reading_that_is_open_does_not_open_pushing(client: ServiceClient) -> None:
    """Every method but reading needs a token."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/api/v1/runs").status_code == 401


def test_a_form_of_another_origin_pushes_nothing(client: ServiceClient, token: str) -> None:
    """A browser sends the password that it knows with it; a push needs the header of a program."""
    form = {"authorization": basic(token), "origin": "https://example.org"}
    refused = client.post("/api/v1/runs", headers=form, data="{}")
    assert refused.status_code == 401
    taken = client.post("/api/v1/runs", headers={"authorization": f"Bearer {token}"}, data="{}")
    assert taken.status_code == 422


def test_tokens_are_stored_hashed(store: Path) -> None:
    """Only their owner can read the file; a removed one is refused."""
    tokens = Tokens(store)
    token = tokens.add("nightly")
    assert token not in tokens.path.read_text()
    assert tokens.path.stat().st_mode & 0o777 == 0o600
    assert tokens.holder(token) == "nightly"
    with pytest.raises(UsageError, match="exists already"):
        tokens.add("nightly")
    tokens.remove("nightly")
    assert tokens.holder(token) == ""
    with pytest.raises(UsageError, match="no token 'nightly'"):
        tokens.remove("nightly")


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("127.0.0.1:80", "127.0.0.1", 80), ("[::1]:8421", "::1", 8421), (":8421", "127.0.0.1", 8421)],
)
def test_addresses(listen: str, host: str, port: int) -> None:
    """Without a host it is loopback."""
    assert split_address(listen) == (host, port)
    assert is_loopback(host)


@pytest.mark.parametrize("listen", ["8421", "localhost", "127.0.0.1:x", "127.0.0.1:70000", ""])
def test_no_addresses(listen: str) -> None:
    """The complaint shows the form."""
    with pytest.raises(UsageError, match="HOST:PORT"):
        split_address(listen)


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "grid.example.org:0"])
def test_other_machines_need_a_token(store: Path, listen: str) -> None:
    """Without one the service does not start, even if reading is public."""
    with pytest.raises(UsageError, match="--new-token"):
        serve_store(store, listen, public=True)


def test_port_in_use_is_reported(store: Path) -> None:
    """The service is not announced then."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UsageError, match="in use"):
            serve_store(store, listen, public=False, ready=lambda: pytest.fail("announced"))
