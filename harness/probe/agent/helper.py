"""Helpers: processes that run cells in forks, and hold neither the host's streams nor its token.

A helper is forked before the host's first frame. A cell can stop or kill it; the agent continues
one that is stopped, and a session whose helper is gone ends.
"""

import os
import select
import socket
import struct
import time

try:
    import _signal as signal
except ImportError:
    import signal

from . import child
from .container import kill_session
from .frames import pack_frame, parse_frame, read_frame, write_frame

LINK = 3  # a helper's descriptor to the agent
WAKE = 0.2  # seconds between looks at a helper that does not answer


class Helper:
    """The agent's end of a helper; ``serve(stream)`` is what it does."""

    def __init__(self, serve):
        self.link, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            _become_helper(theirs, serve)
        theirs.close()
        self.alive = True

    def ask(self, order, seconds, tell=None):
        """Return the answer to ``order``; None if the helper is gone or takes longer.

        ``tell`` gets each line of progress before it.
        """
        self.send(order)
        return self.answer(seconds, tell)

    def send(self, order):
        """Send ``order``, whose answer is still to be waited for."""
        try:
            self.link.sendall(pack_frame(order))
        except OSError:
            self.stop()

    def answer(self, seconds, tell=None):
        """Return the answer to what was sent; None if the helper is gone or takes longer."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                (size,) = struct.unpack(">I", self._receive(4, deadline))
                answer = parse_frame(self._receive(size, deadline))
                if list(answer) != ["progress"]:
                    return answer
                tell(answer["progress"])
        except (EOFError, OSError, ValueError, RecursionError, MemoryError):
            self.stop()
            return None

    def stop(self):
        """Kill the helper and what it runs; idempotent."""
        if self.alive:
            self.alive = False
            kill_session(self.pid)
            self.link.close()
            try:
                os.waitpid(self.pid, 0)
            except OSError:
                pass

    def resume(self):
        """Continue the helper if a cell has stopped it; return whether it lives."""
        try:
            while self.alive:
                pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
                if pid == 0:
                    return True
                if os.WIFSTOPPED(status):
                    os.kill(self.pid, signal.SIGCONT)
                else:
                    self.alive = False
                    self.link.close()
        except OSError:
            self.alive = False
        return False

    def _receive(self, size, deadline):
        data = b""
        while len(data) < size:
            ready = select.select([self.link] + child.HOST, [], [], WAKE)[0]
            if child.HOST and child.HOST[0] in ready:
                raise SystemExit  # the host is gone
            if self.link in ready:
                chunk = self.link.recv(size - len(data))
                if not chunk:
                    raise EOFError
                data += chunk
            elif not self.resume() or time.monotonic() > deadline:
                raise EOFError
        return data


def _become_helper(link, serve):
    """Be the helper; never returns."""
    status = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        os.dup2(link.detach(), LINK)
        os.closerange(LINK + 1, child.MANY)  # the host's streams among them
        child.HOST[:] = [LINK]
        serve(os.fdopen(LINK, "r+b", buffering=0))
        status = 0
    except (EOFError, BrokenPipeError):
        status = 0  # the agent is gone
    finally:
        os._exit(status)


def serve_orders(stream, run, prepare=None):
    """Answer each order with the ``Result`` that ``run(order)`` returns.

    ``prepare``, which may change this process, is called before the first order is run.
    """
    before = None
    while True:
        order = read_frame(stream)
        if before is None:
            if prepare:
                prepare()
            before = process_state()
        result = run(order)
        write_frame(stream, dict(result._asdict(), same=process_state() == before))


def process_state():
    """Return what no cell may change in this process, beside its limits."""
    try:
        return os.getcwd(), dict(os.environ), sorted(os.listdir("/proc/self/fd"))
    except OSError:
        return ()
