"""A service of two nights, on loopback."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.serve.access import Access
from harness.serve.render_process import RenderProcess
from harness.serve.service_app import make_application
from harness.serve.store_reader import StoreReader
from harness.serve.tokens import Tokens
from tests.support.service import ServiceClient, fill_store, served


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store of two nights; numpy fails in the second one."""
    path = tmp_path / "store.db"
    fill_store(path)
    return path


@pytest.fixture
def token(store: Path) -> str:
    """Return a token of the service."""
    return Tokens(store).add("tests")


@pytest.fixture(scope="session")
def renderer() -> Iterator[RenderProcess]:
    """Return the other process; it serves any store."""
    with contextlib.closing(RenderProcess()) as process:
        yield process


@pytest.fixture
def client(store: Path, renderer: RenderProcess) -> Iterator[ServiceClient]:
    """Return a client of a service that everybody may read."""
    access = Access(tokens=Tokens(store), open_reading=True)
    with served(make_application(StoreReader(store), access, renderer)) as client:
        yield client


@pytest.fixture
def untrusted(store: Path, renderer: RenderProcess) -> Iterator[ServiceClient]:
    """Return a client without a token of a service that needs one."""
    access = Access(tokens=Tokens(store), open_reading=False)
    with served(make_application(StoreReader(store), access, renderer)) as client:
        yield client
