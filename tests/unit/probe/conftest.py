"""What the tests of probers share."""

from collections.abc import Iterator

import pytest

from tests.support.local_engine import LocalEngine


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    """Return an engine; every process in it must have ended after the test."""
    made = LocalEngine()
    yield made
    assert all(channel.process.poll() is not None for channel in made.opened)
