"""A cell's process: forked, watched, captured, and believed only when it signs its report.

A child that exits without a complete report has failed, whatever its exit status says.
"""

import json
import os
import select
import sys
import time
from collections import namedtuple

from .container import default_signals, kill_session, limits_hit, unseal

HOST = [0]  # the descriptor that becomes readable when the host, or a helper's agent, is gone
REPORTS = 3  # the descriptor that a child reports on
CAPTURE_HEAD = 4096  # bytes kept of the beginning of a child's output
CAPTURE_TAIL = 12288  # and of its end

OUTPUT_LIMIT = 16 << 20  # bytes of output that count as endless
EVIDENCE_LIMIT = 2000  # characters of a report's key line
MODULE_LIMIT = 100  # characters of a module's name in a report
CODE_LIMIT = 16  # bytes of an instruction in a report
MOST_ADDRESS = (1 << 64) - 1
PATH_LIMIT = 400  # characters of a path in a report
REPORT_LIMIT = 128 << 10  # bytes of reports that are kept
STAGES = ("import", "call", "load", "start")
PAIRS = ("failures", "loads", "entries", "starts")  # what a report has pairs of name and error of
GRACE = 2.0  # seconds between a child's last report and its exit
POLL = 0.01  # seconds between looks at a child
LEAVING = 0.001  # the same once it has closed its output, which it does when it exits
MANY = 256  # descriptors: more than this process ever has open
NICE = 10  # a cell's many processes must not keep the agent from the processor
BROKEN = 70  # exit status of a child whose body raised (sysexits.h, EX_SOFTWARE)

StageLimits = namedtuple("StageLimits", "timeout quiet")  # seconds, of wall clock and of silence
_UNSOUND = (  # what reading a line raises that ``sign`` did not write
    *(ValueError, LookupError, TypeError, ArithmeticError, AttributeError),
    *(RecursionError, MemoryError),
)

Result = namedtuple("Result", "stage module said status ended log hit fault")
# stage, module: the last ones that it began, which it can lie about.
# said: its signed report, or None.
# status: exit status, or minus a signal's number.
# ended: "exit", or the limit that ended it: "timeout" "quiet" "output".
# log: what it printed. hit: the container's limits that it reached.
# fault: what it reported of an instruction that the CPU lacks, or None.


def begin_stage(stage):
    """Report that a stage begins."""
    os.write(REPORTS, json.dumps({"stage": stage}).encode("ascii") + b"\n")


def begin_import(module):
    """Report that the import of a module begins, so that a crash can be told apart."""
    os.write(REPORTS, json.dumps({"module": module[:MODULE_LIMIT]}).encode("ascii") + b"\n")


def report_fault(fault):
    """Report the instruction that ends this process."""
    os.write(REPORTS, json.dumps({"fault": fault}).encode("ascii") + b"\n")


def sign(token, report):
    """Report how the child fared, signed with the cell's token.

    Callers evaluate ``report`` with the token in no variable: ``sign(tokens.pop(), try_it())``.
    So the frames that a cell's code can walk up hold no token.
    """
    line = json.dumps(dict(report, done=True, token=token))
    os.write(REPORTS, line.encode("ascii") + b"\n")


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
    """Run ``body(tokens)`` in a fork, in ``folder``, and return its ``Result``.

    ``tokens`` is a list of the one token that ``sign`` takes.
    """
    tokens = [os.urandom(16).hex()]
    output, output_end = os.pipe()
    reports, reports_end = os.pipe()
    before = limits_hit()
    pid = os.fork()
    if pid == 0:
        _become_cell(body, folder, output_end, reports_end, tokens)
    os.close(output_end)
    os.close(reports_end)
    watch = Watch(pid, output, reports, limits)
    try:
        status = watch.until_gone()
    finally:
        os.close(output)
        os.close(reports)
    after = limits_hit()
    stage, module, said, fault = read_reports(bytes(watch.reports), tokens[0])
    return Result(
        stage=stage,
        module=module,
        said=said,
        status=status,
        ended=watch.ended,
        log=watch.capture.text(),
        hit=[name for name in sorted(after) if after[name] > before[name]],
        fault=fault,
    )


def _become_cell(body, folder, output, reports, tokens):
    """Turn a fork into the cell's process; never returns."""
    status = BROKEN
    try:
        os.setsid()
        os.nice(NICE)
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
        status = body(tokens) or 0
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
    """Reads what a child writes until it is gone, and kills one that exceeds a limit."""

    def __init__(self, pid, output, reports, limits):
        self.pid = pid
        self.output = output
        self.pipes = [output, reports]
        self.limits = limits
        self.capture = Capture()
        self.reports = bytearray()
        self.ended = "exit"
        self.started = self.heard = time.monotonic()
        self.finished = None

    def until_gone(self):
        """Return the child's exit status, or minus the signal that ended it."""
        while True:
            gone, status = os.waitpid(self.pid, os.WNOHANG)
            self.drain(0 if gone else POLL if self.pipes else LEAVING)
            if gone:
                return exit_status(status)
            exceeded = self.exceeded(time.monotonic())
            if exceeded:
                self.ended = exceeded
                kill_session(self.pid)

    def drain(self, wait):
        """Read all that is available, waiting at most ``wait`` seconds for the first of it."""
        while self.capture.size <= OUTPUT_LIMIT:
            ready = select.select(self.pipes + HOST, [], [], wait)[0]
            if HOST and HOST[0] in ready:
                raise EOFError  # the agent sends nothing while it waits for an answer: it is gone
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
        self.heard = time.monotonic()
        if pipe == self.output:
            self.capture.add(data)
        elif len(self.reports) < REPORT_LIMIT:
            self.reports.extend(data)
            if self.finished is None and b'"done": true' in self.reports[-4096:]:
                self.finished = self.heard

    def exceeded(self, now):
        """Return the name of the limit that the child exceeds, or an empty string."""
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


def read_reports(reports, token):
    """Return the last stage and module that were begun, and the last report with the token.

    Last comes the last fault that was reported, or None.
    """
    stage, module, said, fault = "", "", None, None
    for line in reports.split(b"\n"):
        try:
            report = json.loads(line.decode("ascii"))
            if list(report) == ["stage"] and report["stage"] in STAGES:
                stage, module = report["stage"], ""
            elif list(report) == ["module"]:
                module = storable(report["module"])[:MODULE_LIMIT]
            elif list(report) == ["fault"]:
                fault = _read_fault(report["fault"])
            elif report["token"] == token:
                said = _read_report(report)
        except _UNSOUND:
            continue  # it was not written by ``sign``
    return stage, module, said, fault


def _read_fault(fault):
    """Return a fault of the right types; raise for any other."""
    read = {name: storable(fault.get(name, ""))[:PATH_LIMIT] for name in ("file", "unknown")}
    for name in ("address", "offset"):
        read[name] = max(0, min(int(fault.get(name, 0)), MOST_ADDRESS))
    read["code"] = bytes.fromhex(fault.get("code", ""))[:CODE_LIMIT].hex()
    return read


def _read_report(report):
    said = {"done": True}
    if isinstance(report.get("status"), int):
        said["status"] = report["status"]
    for name in ("tried", "untried"):
        if isinstance(report.get(name), int):
            said[name] = max(0, report[name])
    if isinstance(report.get("failed"), str):
        said["failed"] = report["failed"][:EVIDENCE_LIMIT]
    for name in PAIRS:
        pairs = report.get(name)
        if pairs and all(isinstance(text, str) for pair in pairs for text in pair):
            said[name] = [[storable(text) for text in pair[:2]] for pair in pairs]
    if isinstance(report.get("gil"), str):
        said["gil"] = storable(report["gil"])[:MODULE_LIMIT]
    return said


def storable(text):
    """Return text that every encoding of Unicode can hold: lone surrogates are escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
