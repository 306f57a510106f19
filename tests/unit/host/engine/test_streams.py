"""The engine's attach protocol over a socket pair: frames, deadlines, ends."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from harness.core.errors import EngineError
from harness.host.engine.api import ChannelClosedError, ChannelTimeoutError, ContainerEnd
from harness.host.engine.streams import ERRORS_KEPT, Streams

OUT, ERR = 1, 2


def _frame(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def _soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def pair() -> Iterator[tuple[Streams, socket.socket]]:
    """Return the host's side as streams, and the engine's side."""
    ours, engine = socket.socketpair()
    with engine:
        streams = Streams(
            "c0",
            ours,
            remove=lambda: None,
            ending=ContainerEnd,
            check_engine=lambda: None,
        )
        yield streams, engine
        streams.close()


Pair = tuple[Streams, socket.socket]


def test_output_and_errors_are_separated(pair: Pair) -> None:
    """Each stream keeps its order."""
    streams, engine = pair
    engine.sendall(_frame(OUT, b"ab") + _frame(ERR, b"oh") + _frame(OUT, b"cd"))
    assert streams.receive(4, deadline=_soon()) == b"abcd"
    assert streams.errors() == "oh"


@pytest.mark.parametrize("cut", [3, 8, 10], ids=["header", "between", "payload"])
def test_frames_in_pieces_are_joined(pair: Pair, cut: int) -> None:
    """A header or payload may arrive in two parts."""
    streams, engine = pair
    data = _frame(OUT, b"hello")
    engine.sendall(data[:cut])
    with pytest.raises(ChannelTimeoutError):
        streams.receive(1, deadline=_soon(0.05))
    engine.sendall(data[cut:])
    assert streams.receive(5, deadline=_soon()) == b"hello"


def test_unread_output_is_kept(pair: Pair) -> None:
    """The next call returns it."""
    streams, engine = pair
    engine.sendall(_frame(OUT, b"abcdef"))
    assert [streams.receive(n, deadline=_soon()) for n in (1, 2, 3)] == [b"a", b"bc", b"def"]


def test_receive_stops_at_its_deadline(pair: Pair) -> None:
    """A silent container is a timeout at the deadline and not before."""
    start = time.monotonic()
    with pytest.raises(ChannelTimeoutError):
        pair[0].receive(1, deadline=start + 0.2)
    assert 0.19 < time.monotonic() - start < 5


def test_ended_container_closes_the_channel(pair: Pair) -> None:
    """Its last output can be read; further reads and writes fail."""
    streams, engine = pair
    engine.sendall(_frame(OUT, b"last") + _frame(ERR, b"Killed"))
    engine.close()
    assert streams.receive(4, deadline=_soon()) == b"last"
    with pytest.raises(ChannelClosedError):
        streams.receive(1, deadline=_soon())
    with pytest.raises(ChannelClosedError):
        streams.send(b"more")
    assert streams.errors() == "Killed"


def test_send_reads_at_the_same_time(pair: Pair) -> None:
    """Large input and output do not block each other."""
    streams, engine = pair
    much = bytes(1 << 21)
    taken = bytearray()

    def serve() -> None:
        engine.sendall(_frame(OUT, much))  # before it reads anything
        while len(taken) < len(much):
            taken.extend(engine.recv(1 << 16))

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    streams.send(much)
    server.join(10)
    assert len(taken) == len(much)
    assert streams.receive(len(much), deadline=_soon()) == much


def test_exchange_closes_standard_input(pair: Pair) -> None:
    """A command that reads to the end of its input finishes."""
    streams, engine = pair

    def serve() -> None:
        said = b""
        while chunk := engine.recv(64):
            said += chunk
        engine.sendall(_frame(OUT, said.upper()))
        engine.close()

    threading.Thread(target=serve, daemon=True).start()
    assert streams.exchange(b"abc", deadline=_soon()) == b"ABC"


def test_exchange_limits_the_output(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container with endless output is killed, since its output is kept in memory."""
    streams, engine = pair
    monkeypatch.setattr("harness.host.engine.streams.MOST_OUTPUT", 4)
    engine.sendall(_frame(OUT, b"12345"))
    with pytest.raises(EngineError, match="more than 4 bytes"):
        streams.exchange(b"", deadline=_soon())


def test_only_the_tail_of_the_errors_is_kept(pair: Pair) -> None:
    """A flood on standard error does not fill the memory."""
    streams, engine = pair
    engine.sendall(_frame(ERR, b"x" * ERRORS_KEPT + b"the end") + _frame(OUT, b"."))
    streams.receive(1, deadline=_soon())
    assert len(streams.errors()) == ERRORS_KEPT
    assert streams.errors().endswith("xthe end")


def test_close_is_idempotent_and_never_raises() -> None:
    """It may be called twice, also if the engine is gone."""

    def gone() -> None:
        raise EngineError("the engine is gone")

    ours, engine = socket.socketpair()
    end = ContainerEnd(out_of_memory=True, status=137)
    with engine:
        streams = Streams("c0", ours, remove=gone, ending=lambda: end, check_engine=gone)
        streams.close()
        streams.close()
        assert streams.ending() == end
        with pytest.raises(EngineError, match="gone"):
            streams.check_engine()


def test_lines_are_yielded_as_they_come(pair: Pair) -> None:
    """A line without an end is yielded when the container ends, or in pieces if it is long."""
    streams, engine = pair
    engine.sendall(_frame(OUT, b"one\ntw") + _frame(OUT, b"o\n\nlast"))
    lines = streams.lines(deadline=_soon())
    assert [next(lines), next(lines)] == ["one", "two"]
    engine.close()
    assert list(lines) == ["last"]


def test_lines_stop_at_their_deadline(pair: Pair) -> None:
    """A silent container does not hold the caller."""
    with pytest.raises(ChannelTimeoutError):
        next(pair[0].lines(deadline=_soon(0.05)))
