"""A service of two nights, on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.serve.access import Access
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


@pytest.fixture
def client(store: Path) -> Iterator[ServiceClient]:
    """Return a client of a service that everybody may read."""
    with served(make_application(StoreReader(store), _access(store, open_reading=True))) as client:
        yield client


@pytest.fixture
def stranger(store: Path) -> Iterator[ServiceClient]:
    """Return a client without a token of a service that needs one."""
    with served(make_application(StoreReader(store), _access(store, open_reading=False))) as client:
        yield client


def _access(store: Path, *, open_reading: bool) -> Access:
    return Access(tokens=Tokens(store), open_reading=open_reading)
