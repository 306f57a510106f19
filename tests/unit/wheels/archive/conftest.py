"""A small well-formed wheel in memory, which the tests damage."""

from collections.abc import Callable, Mapping

import pytest

from tests.support.defective_wheels import archive_bytes, wheel_bytes


@pytest.fixture
def make_archive() -> Callable[[Mapping[str, bytes]], bytes]:
    """Pack members into a zip archive."""
    return archive_bytes


@pytest.fixture
def make_wheel() -> Callable[..., bytes]:
    """Make a wheel that is well-formed except for the arguments."""
    return wheel_bytes
