"""Limits of requests to the engine: every kind has one, per thread, in silence and in total."""

import itertools
import threading
import time

import pytest
import requests

from harness.core.arches import find_arch
from harness.core.errors import EngineError, ImageError
from harness.host.engine.engine_errors import pull_error, refusal, start_error
from harness.host.engine.preparation import possible_networks
from harness.host.engine.request_limits import (
    REQUEST_LIMITS,
    Ask,
    RequestTimeoutError,
    current_deadline,
    within,
)


def test_every_request_has_limits() -> None:
    """None waits for longer in silence than in total, and none for more than an hour."""
    assert set(REQUEST_LIMITS) == set(Ask)
    for limit in REQUEST_LIMITS.values():
        assert 0 < limit.silence <= limit.total <= 3600


def test_a_limit_is_of_one_thread() -> None:
    """A pull does not give its limit to a question of another thread."""
    seen = []
    with within(Ask.PULL):
        thread = threading.Thread(target=lambda: seen.append(current_deadline().limit))
        thread.start()
        thread.join()
        assert current_deadline().limit == REQUEST_LIMITS[Ask.PULL]
    assert seen == [REQUEST_LIMITS[Ask.QUERY]]
    assert current_deadline().limit == REQUEST_LIMITS[Ask.QUERY]


def test_a_caller_shortens_a_limit_and_never_extends_it() -> None:
    """Its own deadline may be nearer than that of the request."""
    with within(Ask.WAIT, 2) as deadline:
        assert 1 < deadline.seconds() <= 2
    with within(Ask.WAIT, 9999) as deadline:
        assert deadline.seconds() <= REQUEST_LIMITS[Ask.WAIT].total


def test_an_answer_without_an_end_is_cut_at_the_total() -> None:
    """Each part comes in time, and there is always another one."""
    start = time.monotonic()
    with pytest.raises(RequestTimeoutError, match="timed out"), within(Ask.PULL, 0.05) as deadline:
        for _ in deadline.each(itertools.count()):
            pass
    assert time.monotonic() - start < 5


def test_events_are_asked_for_by_the_engines_clock() -> None:
    """The clock of this machine may be another one."""
    answer = requests.Response()
    with within(Ask.QUERY) as deadline:
        deadline.answer(lambda: answer, streams=False)
        assert abs(deadline.engine_time() - time.time()) < 5
        answer.headers["Date"] = "Thu, 01 Jan 2026 00:00:00 GMT"
        assert deadline.engine_time() == 1767225600


def test_an_answer_that_takes_too_long_is_left_alone() -> None:
    """However its bytes arrive; it is closed when it is there at last."""
    come, closed = threading.Event(), threading.Event()

    class Answer(requests.Response):
        def close(self) -> None:
            closed.set()

    def drips() -> requests.Response:
        come.wait()
        return Answer()

    with pytest.raises(RequestTimeoutError), within(Ask.QUERY, 0.05) as deadline:
        deadline.answer(drips, streams=False)
    come.set()
    assert closed.wait(10)


@pytest.mark.parametrize(
    "why",
    [
        "write /data/layer: no space left on device",
        "failed to create shim task: mkdir /run/x: No space left on device: unknown",
    ],
)
def test_a_full_engine_is_no_image_error(why: str) -> None:
    """An image error is remembered for the run, and a disk has room again."""
    arch = find_arch("x86_64")
    error = refusal(why, lambda text: pull_error("debian:12", arch, text))
    assert not isinstance(error, ImageError)
    assert "disk is full" in str(error)


@pytest.mark.parametrize(
    ("why", "image"),
    [
        ('exec: "python3": executable file not found in $PATH: unknown', True),
        ('exec: "/opt/x": stat /opt/x: no such file or directory: unknown', True),
        ('exec: "/opt/x": permission denied: unknown', True),
        ("crun: executable file `python3` not found in $PATH: No such file or directory", True),
        ("cgroups in hybrid mode not supported: unknown", False),
        ("failed to mount /proc: permission denied: unknown", False),
    ],
)
def test_a_program_that_is_missing_is_the_images_fault(why: str, image: bool) -> None:
    """Every other refusal to start is the engine's."""
    error = start_error("python3", f"OCI runtime create failed: {why}")
    assert isinstance(error, ImageError) == image
    assert error.cause == ("infra:interpreter" if image else "infra:engine")
    assert isinstance(error, EngineError)


@pytest.mark.parametrize(
    ("names", "modes"),
    [
        (["bridge", "host", "none"], ["bridge", "host", "host"]),
        (["host", "none"], ["host", "host"]),
    ],
)
def test_prepare_tries_the_bridge_first(names: list[str], modes: list[str]) -> None:
    """The last one is for an engine that remaps users and has no bridge."""
    networks = possible_networks(names)
    assert [network["network_mode"] for network in networks] == modes
    assert networks[-1]["userns_mode"] == "host"
