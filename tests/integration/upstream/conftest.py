"""A tiny distribution on a mirror, its lock, and clients of it. No engine is needed."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from harness.images.debian.package_lock import SuiteLock
from tests.support.distribution import Distribution, Key, make_key
from tests.support.torn_server import TornServer, torn_server
from tests.support.upstream import CHANGES, FOREIGN, NATIVE, OpenClient, lock_now, open_client


@pytest.fixture
def _integration() -> None:
    """Require no engine: override the fixture of all tests."""


@pytest.fixture(scope="session")
def key() -> Iterator[Key]:
    with make_key() as made:
        yield made


@pytest.fixture
def distribution(tmp_path: Path, key: Key) -> Distribution:
    """Return a distribution whose pool and index agree: ``tool`` needs ``libdemo``."""
    made = Distribution(root=tmp_path / "mirror", key=key)
    for arch in (NATIVE, FOREIGN):
        made.add("libdemo", "1.0-1", arch, changelog=CHANGES)
        made.add("tool", "2:1.0", arch, depends="libdemo, data")
    made.add("data", "3", "all")
    made.add_source("demo", "1.0", "demo-1.0")
    made.publish()
    return made


@pytest.fixture
def mirror(distribution: Distribution) -> Iterator[TornServer]:
    with torn_server(distribution.root) as served:
        yield served


@pytest.fixture
def client(tmp_path: Path, key: Key) -> OpenClient:
    return partial(open_client, tmp_path, key)


@pytest.fixture
def lock(client: OpenClient, mirror: TornServer) -> SuiteLock:
    """Return a lock of the distribution; the clients of a test have empty caches."""
    return lock_now(client(mirror, cache="locking"), mirror)
