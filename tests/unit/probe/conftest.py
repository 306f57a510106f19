"""What the tests of probers and sessions share."""

from collections.abc import Iterator

import pytest

from harness.core.observations import AttemptMode
from harness.core.passport import Passport
from harness.probe.session import Session, open_session
from tests.support.local_engine import LocalEngine
from tests.support.local_prober import THIS_MACHINE


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    """Return an engine; every process in it must have ended after the test."""
    made = LocalEngine()
    yield made
    assert all(channel.process.poll() is not None for channel in made.opened)


@pytest.fixture(scope="module")
def session_and_passport() -> Iterator[tuple[Session, Passport]]:
    with open_session(LocalEngine(), "image", THIS_MACHINE) as session:
        yield session, session.start()


@pytest.fixture
def session(session_and_passport: tuple[Session, Passport]) -> Session:
    return session_and_passport[0]


@pytest.fixture(params=[AttemptMode.SESSION, AttemptMode.UNPACKED, AttemptMode.FRESH])
def mode(request: pytest.FixtureRequest) -> AttemptMode:
    chosen: AttemptMode = request.param
    return chosen
