"""Short limits of requests and sessions, for the time in which a fault strikes."""

import contextlib
from collections.abc import Iterator

import pytest

from harness.host.engine import request_limits
from harness.host.engine.request_limits import Ask, RequestLimit
from harness.probe import session
from harness.probe.result_keys import ProbeLimits

PATIENT = ProbeLimits(timeout=60, quiet=60)
"""Of cells: a busy machine is no fault."""
GIVES_UP = 6
"""Seconds after which the host gives a session up within ``short_limits``."""


@contextlib.contextmanager
def short_limits(seconds: float = 2) -> Iterator[None]:
    """Shorten what requests may take, and how long the host waits for a session."""
    with pytest.MonkeyPatch.context() as patch:
        for ask in (Ask.PING, Ask.QUERY, Ask.ATTACH, Ask.START, Ask.CREATE, Ask.WAIT, Ask.REMOVE):
            limit = RequestLimit(silence=seconds, total=seconds)
            patch.setitem(request_limits.REQUEST_LIMITS, ask, limit)
        patch.setattr(session, "WATCHDOG_SECONDS", GIVES_UP - 2 * PATIENT.timeout)
        patch.setattr(session, "HELLO_SECONDS", 20)
        yield
