"""A minimal package index on loopback (PEP 503)."""

from collections.abc import Iterator

import pytest
from urllib3 import Retry

from tests.support.torn_server import TornServer


class LoopbackIndex(TornServer):
    """An index of the projects that a test adds."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        """Bodies by path."""
        super().__init__(self.pages)
        self.endpoint = f"http://user:secret@127.0.0.1:{self.port}/simple/"

    def serve(self, project: str, *links: str, **bodies: bytes) -> None:
        """Serve a project's page of links, and files under ``files/``."""
        self.pages[f"simple/{project}/"] = "".join(f"<a {link}</a>\n" for link in links).encode()
        self.pages.update({f"files/{name}": body for name, body in bodies.items()})


@pytest.fixture
def impatient() -> Retry:
    """Try four times without waiting."""
    return Retry(total=3, backoff_factor=0, status_forcelist=(503,))


@pytest.fixture
def loopback_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackIndex]:
    """Serve an index for one test on a port of 127.0.0.1, without a proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    index = LoopbackIndex()
    yield index
    index.vanish()
