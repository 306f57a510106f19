"""One stranger's process: forked, watched, captured, and believed only when it signs.

In: what to run and the limits. Out: a ``Result``. A child that exits without a complete
report has failed, whatever its exit status says.
"""

import json
import os
import select
import sys
import time
from collections import namedtuple

from .container import default_signals, kill_session, limits_hit, unseal

HOST = [0]  # the descriptor whose end says that the host is gone; none in the installer
REPORTS = 3  # the descriptor that a child reports on
CAPTURE_HEAD = 4096  # bytes kept of the beginning of a child's output
CAPTURE_TAIL = 12288  # and of its end
OUTPUT_LIMIT = 16 << 20  # bytes after which output is taken for endless
GRACE = 2.0  # seconds between a child's last report and its exit
POLL = 0.01  # seconds between looks at a child
LEAVING = 0.001  # and at one that has closed its output, as it does at its end
MANY = 256  # descriptors: more than this process ever has open
BROKEN = 70  # exit status of a child whose body raised (sysexits.h, EX_SOFTWARE)

Limits = namedtuple("Limits", "timeout quiet")  # seconds, of wall clock and of silence
Result = namedtuple("Result", "said status ended log hit")
# said: the reports that were signed. status: exit status, or minus a signal's number.
# ended: "exit", or the limit that ended it: "timeout" "quiet" "output".
# log: what it printed. hit: the container's limits that it ran into.


class Reports:
    """A child's way to report: signed with the cell's token."""

    def __init__(self, token):
        self.token = token

    def __call__(self, report):
        line = json.dumps(dict(report, token=self.token)).encode("ascii") + b"\n"
        os.write(REPORTS, line)


class Capture:
    """The beginning and the end of a child's output."""

    def __init__(self):
        self.head = b""
        self.tail = b""
        self.size = 0

    def add(self, data):
        self.size += len(data)
        room = CAPTURE_HEAD - len(self.head)
        self.head += data[:room]
        if len(data) > room:
            self.tail = (self.tail + data[room:])[-CAPTURE_TAIL:]

    def text(self):
        left_out = self.size - len(self.head) - len(self.tail)
        gap = b"\n[... %d bytes ...]\n" % left_out if left_out else b""
        return (self.head + gap + self.tail).decode("utf-8", "backslashreplace")


def run_child(body, limits, folder):
    """Run ``body(reports)`` in a fork, in ``folder``, and return its ``Result``."""
    token = os.urandom(16).hex()
    output, output_end = os.pipe()
    reports, reports_end = os.pipe()
    before = limits_hit()
    pid = os.fork()
    if pid == 0:
        _become_stranger(body, folder, output_end, reports_end, token)
    os.close(output_end)
    os.close(reports_end)
    watch = Watch(pid, output, reports, limits)
    try:
        status = watch.until_gone()
    finally:
        os.close(output)
        os.close(reports)
    after = limits_hit()
    return Result(
        said=signed(bytes(watch.reports), token),
        status=status,
        ended=watch.ended,
        log=watch.capture.text(),
        hit=[name for name in sorted(after) if after[name] > before[name]],
    )


def _become_stranger(body, folder, output, reports, token):
    """Turn a fork into a process of its own; never returns."""
    status = BROKEN
    try:
        os.setsid()
        default_signals()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(reports, REPORTS)
        os.set_inheritable(REPORTS, True)
        os.closerange(REPORTS + 1, MANY)
        os.chdir(folder)
        home = os.path.join(folder, "home")
        os.environ.update(HOME=home, TMPDIR=home)
        unseal()
        status = body(Reports(token)) or 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


class Watch:
    """Reads along with a child until it is gone, and ends one that exceeds a limit."""

    def __init__(self, pid, output, reports, limits):
        self.pid = pid
        self.output = output
        self.pipes = [output, reports]
        self.limits = limits
        self.capture = Capture()
        self.reports = bytearray()
        self.ended = "exit"
        self.started = self.heard = time.time()
        self.finished = None

    def until_gone(self):
        """Return the child's exit status, or minus the signal that ended it."""
        while True:
            gone, status = os.waitpid(self.pid, os.WNOHANG)
            self.drain(0 if gone else POLL if self.pipes else LEAVING)
            if gone:
                return exit_status(status)
            exceeded = self.exceeded(time.time())
            if exceeded:
                self.ended = exceeded
                kill_session(self.pid)

    def drain(self, wait):
        """Take all that is there to read, waiting at most ``wait`` seconds for the first of it."""
        while self.capture.size <= OUTPUT_LIMIT:
            ready = select.select(self.pipes + HOST, [], [], wait)[0]
            if HOST and HOST[0] in ready:
                raise EOFError  # the host sends nothing while it waits for us: it is gone
            for pipe in ready:
                self.take(pipe)
            if not ready or not self.pipes:
                return
            wait = 0

    def take(self, pipe):
        data = os.read(pipe, 65536)
        if not data:
            self.pipes = [other for other in self.pipes if other != pipe]
            return
        self.heard = time.time()
        if pipe == self.output:
            self.capture.add(data)
        elif len(self.reports) < OUTPUT_LIMIT:
            self.reports.extend(data)
            if self.finished is None and b'"done": true' in self.reports[-4096:]:
                self.finished = self.heard

    def exceeded(self, now):
        """Return the name of the limit that the child exceeds now, or an empty string."""
        if self.capture.size > OUTPUT_LIMIT:
            return "output"
        if self.finished is not None:
            return "exit" if now > self.finished + GRACE else ""
        if now > self.started + self.limits.timeout:
            return "timeout"
        return "quiet" if now > self.heard + self.limits.quiet else ""


def exit_status(status):
    """Return a wait status as an exit status, or minus a signal's number."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def signed(reports, token):
    """Return the reports that carry the token; what else came over the pipe is forged."""
    found = []
    for line in reports.split(b"\n"):
        try:
            report = json.loads(line.decode("ascii"))
            if report.pop("token") == token:
                found.append(report)
        except (ValueError, KeyError, AttributeError, TypeError):
            continue
    return found
