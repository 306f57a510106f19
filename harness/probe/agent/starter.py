"""Start the programs of an installed wheel, and see whether they start."""

import os
import re
import select
import struct
import sys
import time

from .child import begin_import, begin_stage, exit_status, run_child, sign
from .container import kill_session
from .late import last_words, limited, signal_name

HEAD = 16384  # bytes of a program's output that are looked at
ENDLESS = 1 << 20  # bytes of output after which a program has certainly started
MESSAGES = re.compile(  # of loaders, when a program starts
    r"^(?:(?:.*/)?%s: (?:error while loading shared libraries: |symbol lookup error: "
    r"|relocation error: |.*version [`'].*' not found|CPU ISA level is lower)"
    r"|Fatal glibc error: |FATAL: kernel too old|Error loading shared library |Error relocating )"
)
ENDED_BY_LOADER = (1, 127)  # its exit status
NO_PROGRAM = 126  # exit status of a process that could not become the program
_HEADER, _BITS_64, _PT_INTERP = 52, 2, 3  # gABI: bytes of the smaller header, ELFCLASS64
_MODELS = {(62, 3)}  # machines (gABI, e_machine): on x86-64, programs for i386 run


def start_programs(site, programs, seconds, limits, folder):
    """Start each with --version, and without if a signal ends it; report what did not start."""

    def body(tokens):
        begin_stage("start")
        sign(tokens.pop(), _start_each(site, programs, seconds, limits.timeout))

    return run_child(body, limits, folder)


def _start_each(site, programs, seconds, timeout):
    until = time.monotonic() + 0.8 * timeout
    errors, untried = {}, 0
    for place in programs:
        path = os.path.normpath(os.path.join(site, place))
        if not os.path.isfile(path):
            continue  # another file of that name was there before
        if time.monotonic() + seconds > until:
            untried += 1
            continue
        begin_import(place)
        error = start(path, seconds)
        if error:
            errors[place] = error
    return {"starts": limited(errors), "untried": untried}


def start(path, seconds):
    """Return what keeps a program from starting; empty if it starts."""
    if not os.access(path, os.X_OK):
        return "its mode in the wheel does not make it executable"
    unfit = _unfit(path)
    if unfit:
        return unfit
    until = time.monotonic() + seconds
    status, said = _run([path, "--version"], until)
    if status is not None and status < 0:
        again = _run([path], until)  # some read a file of that name
        status, said = again if again[0] is None or again[0] >= 0 else (status, said)
    if status is None:
        return ""  # it runs
    if status < 0:
        return "ended: killed by %s%s" % (signal_name(-status), last_words(said))
    lines = said.decode("utf-8", "backslashreplace").splitlines()
    refused = re.compile(MESSAGES.pattern % re.escape(os.path.basename(path)))
    told = [line for line in lines if refused.match(line)]
    if status in ENDED_BY_LOADER and told:
        return told[0]
    failed = [line for line in lines if line.startswith(_NOT_EXECUTED)]
    return failed[-1] if failed and status == NO_PROGRAM else ""


_NOT_EXECUTED = "cannot be executed: "


def _run(words, until):
    """Return as ``_until_gone`` what a program does."""
    output, output_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(words, output_end)
    os.close(output_end)
    try:
        return _until_gone(pid, output, until)
    finally:
        os.close(output)


def _become(words, output):
    """Be the program; never returns."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 256)
        try:
            os.execv(words[0], words)
        except OSError as error:
            os.write(2, ("\n%s%s\n" % (_NOT_EXECUTED, error)).encode("utf-8", "replace"))
    finally:
        os._exit(NO_PROGRAM)


def _until_gone(pid, output, deadline):
    """Return the exit status, None if it still ran at its end, and what it printed at first."""
    said, size, gone, raw = b"", 0, 0, 0
    while not gone and time.monotonic() < deadline and size < ENDLESS:
        gone, raw = os.waitpid(pid, os.WNOHANG)
        while select.select([output], [], [], 0 if gone else 0.01)[0] and size < ENDLESS:
            data = os.read(output, 65536)
            if not data:
                time.sleep(0 if gone else 0.005)
                break
            size += len(data)
            said = (said + data)[:HEAD]
            if time.monotonic() > deadline:
                break
    kill_session(pid)  # and what it started
    if not gone:
        os.waitpid(pid, 0)
        return None, said
    return exit_status(raw), said


def _unfit(path):
    """Return what the header of an ELF file says against it; empty for another file."""
    with open(path, "rb") as stream:
        theirs = _header(stream)
        if theirs is None:
            return ""
        with open(sys.executable, "rb") as own:
            ours = _header(own)
        if theirs[0] != ours[0] and (ours[0][2], theirs[0][2]) not in _MODELS:
            return "Exec format error: it is for machine %d, this is %d" % (
                theirs[0][2],
                ours[0][2],
            )
        loader = _interpreter(stream, theirs)
    if loader and not os.path.exists(loader):
        return "its loader %s does not exist" % loader
    return ""


def _header(stream):
    """Return word size, byte order and machine of an ELF file, and its format; else None."""
    head = stream.read(64)
    if len(head) < _HEADER or head[:4] != b"\x7fELF" or head[5:6] not in (b"\1", b"\2"):
        return None
    order = "<" if head[5:6] == b"\1" else ">"
    (machine,) = struct.unpack_from(order + "H", head, 18)
    return (head[4], head[5], machine), order, head


def _interpreter(stream, header):
    """Return the path of a program's loader (gABI, PT_INTERP); empty for a static one."""
    (bits, _, _), order, head = header
    try:
        wide = bits == _BITS_64
        (table,) = struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28)
        size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
        for number in range(min(count, 64)):
            stream.seek(table + number * size)
            entry = stream.read(56 if wide else 32)
            if struct.unpack_from(order + "I", entry)[0] != _PT_INTERP:
                continue
            fields = struct.unpack_from(order + ("Q" if wide else "I"), entry, 8 if wide else 4)
            (length,) = struct.unpack_from(
                order + ("Q" if wide else "I"), entry, 32 if wide else 16
            )
            stream.seek(fields[0])
            return stream.read(min(length, 4096)).rstrip(b"\0").decode("utf-8", "replace")
    except (struct.error, OSError, OverflowError):
        pass  # a damaged file: the kernel decides
    return ""
