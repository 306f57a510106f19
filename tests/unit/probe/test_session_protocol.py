"""The session's side of its protocol, against an agent that answers as a test says."""

import struct
from collections.abc import Callable

import pytest

from harness.core.arches import find_arch
from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.host.engine import ContainerSpec
from harness.host.engine.api import ChannelClosedError, ChannelTimeoutError, ContainerEnd
from harness.probe.answers import MAX_FRAME
from harness.probe.session import Session, SessionLostError, StartLostError
from tests.support.answers import HELLO, AnsweringChannel, Frame, pack

SPEC = ContainerSpec(image="image", arch=find_arch("x86_64"), command=("python3",))


def started(reply: Callable[[Frame], bytes], end: type[Exception] = ChannelClosedError) -> Session:
    session = Session(AnsweringChannel(reply, end), SPEC)
    session.start()
    return session


def test_answer_and_its_blob() -> None:
    """An answer with the session's token and number is believed, and its blob is read."""
    session = started(lambda answer: pack({**answer, "blobs": [3]}) + b"pyc")
    assert [session.compile("a.whl", b"wheel", seconds=1) for _ in range(2)] == [b"pyc"] * 2
    assert session.usable


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"token": "0" * 32}, "answered out of turn"),
        ({"token": ""}, "answered out of turn"),
        ({"turn": 0}, "answered out of turn"),
        ({"turn": 2}, "answered out of turn"),
        ({"turn": -1}, "does not match its schema: turn: "),
        ({"token": None}, "does not match its schema: token: "),
        ({"more": 1}, "does not match its schema: more: "),
        ({"blobs": [1, 2]}, "does not match its schema: blobs: "),
    ],
)
def test_answer_out_of_turn_loses_the_session(fields: Frame, detail: str) -> None:
    """A wrong token, a wrong number or another shape ends the session as a fault of the agent."""
    session = started(lambda answer: pack({**answer, **fields}))
    with pytest.raises(SessionLostError) as caught:
        session.compile("a.whl", b"wheel", seconds=1)
    assert caught.value.cause is Cause.AGENT
    assert detail in caught.value.detail
    assert not session.usable


@pytest.mark.parametrize(
    ("output", "end", "cause", "detail"),
    [
        (struct.pack(">I", MAX_FRAME + 1), ChannelClosedError, Cause.AGENT, "1048577 bytes"),
        (
            struct.pack(">I", 9) + b"\xff" * 9,
            ChannelClosedError,
            Cause.AGENT,
            "does not match its schema",
        ),
        (b"\0\0", ChannelClosedError, Cause.AGENT_GONE, "Killed"),
        (struct.pack(">I", 100) + b"{", ChannelClosedError, Cause.AGENT_GONE, "Killed"),
        (b"", ChannelTimeoutError, Cause.AGENT_SILENT, "no answer within 32 s"),
    ],
)
def test_output_that_is_no_answer_loses_the_session(
    output: bytes, end: type[Exception], cause: Cause, detail: str
) -> None:
    """A frame that is too large, no JSON, cut short or missing ends the session with its cause."""
    session = started(lambda _: output, end)
    with pytest.raises(SessionLostError) as caught:
        session.compile("a.whl", b"wheel", seconds=1)
    assert (caught.value.cause, session.usable) == (cause, False)
    assert detail in caught.value.detail


def test_blob_cut_short_loses_the_session() -> None:
    """A blob with fewer bytes than its answer says is never taken."""
    session = started(lambda answer: pack({**answer, "blobs": [4]}) + b"pyc")
    with pytest.raises(SessionLostError) as caught:
        session.compile("a.whl", b"wheel", seconds=1)
    assert caught.value.cause is Cause.AGENT_GONE


@pytest.mark.parametrize("status", [1, 139, 143])
def test_container_that_ends_before_its_first_answer(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """It is started again, whatever ended it."""
    monkeypatch.setattr(AnsweringChannel, "ending", lambda _: ContainerEnd(status=status))
    monkeypatch.setattr("tests.support.answers.pack", lambda _: b"")
    with pytest.raises(StartLostError):
        started(pack)


def test_hello_out_of_turn_is_an_image_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that does not answer the first frame properly does not start."""
    monkeypatch.setitem(HELLO, "tags", 1)
    with pytest.raises(
        ImageError, match="interpreter does not start: its answer does not"
    ) as caught:
        started(pack)
    assert caught.value.cause is Cause.INTERPRETER
