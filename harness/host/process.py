"""Run processes on the host. No other module starts one.

A process never outlives the call that started it; a ``ServingProcess`` never outlives this process.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

TAIL_LINES = 15
_PARENT_PIPE = "WHEELGRID_PARENT_PIPE"
STDERR_FILENO = 2


class ProcessError(Exception):
    """A program is missing, fails or times out; ``tail`` is the end of its output."""

    def __init__(self, argv: Sequence[str], reason: str, output: str) -> None:
        self.argv = tuple(argv)
        self.reason = reason
        self.output = output
        self.tail = "\n".join(output.splitlines()[-TAIL_LINES:])
        super().__init__(f"{argv[0]}: {reason}\n{self.tail}".rstrip())


def run_process(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
    merge: bool = False,
) -> bytes:
    """Run ``argv`` to its end and return its standard output.

    ``env`` is added to the harness's environment. ``merge`` adds standard error to the output.
    Raises ``ProcessError`` if the program is not found, exits non-zero or runs longer than
    ``timeout`` seconds. The process leads its own group, which is killed if the call ends early.
    """
    words = [str(word) for word in argv]
    process = _start(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merge else subprocess.PIPE,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill_group(process)
        out, err = process.communicate()
        raise ProcessError(words, f"took longer than {timeout:.0f} s", _text(out, err)) from None
    except BaseException:
        _kill_group(process)
        process.wait()
        raise
    if process.returncode != 0:
        raise ProcessError(words, f"exit status {process.returncode}", _text(out, err))
    return out


def show_process(argv: Sequence[str], *, timeout: float) -> None:
    """Run ``argv`` to its end and pass its output on to standard error.

    For commands that take minutes and report progress. Raises ``ProcessError`` as
    ``run_process`` does, but without the output, which the user has seen.
    """
    process = _start(argv, stdin=subprocess.DEVNULL, stdout=STDERR_FILENO)
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise ProcessError(argv, f"took longer than {timeout:.0f} s", "") from None
    finally:
        if process.poll() is None:
            _kill_group(process)
            process.wait()
    if status != 0:
        raise ProcessError(argv, f"exit status {status}", "")


class RunningProcess:
    """A process that runs in parallel to the caller."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def status(self) -> int | None:
        """Return the exit status, negative for a signal, or None while the process runs."""
        return self._process.poll()

    def interrupt(self) -> None:
        """Send SIGINT, as Ctrl-C does. The process must end its own children."""
        self._process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def start_process(argv: Sequence[str | Path], *, output: Path) -> Iterator[RunningProcess]:
    """Run ``argv`` in parallel to the caller, with all output to the file ``output``.

    The process leads its own session, so that Ctrl-C on the terminal reaches the caller only. Its
    group is killed when the context ends; see ``end_with_parent`` for a caller that is killed.
    Raises ``ProcessError`` if it does not start.
    """
    read_end, write_end = os.pipe()
    try:
        with os.fdopen(read_end), output.open("wb") as stream:
            process = _start(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                pass_fds=(read_end,),
                env={**os.environ, _PARENT_PIPE: str(read_end)},
            )
        try:
            yield RunningProcess(process)
        finally:
            _kill_group(process)
            process.wait()
    finally:
        os.close(write_end)


ANSWER_HEADER = 8
"""Bytes before the answer of such a process: its length, big endian."""


class ServingProcess:
    """A process that answers one request after the other; it is started again if it has ended.

    It runs ``function`` of ``module``, which reads requests as lines from standard input. The
    process ends with this process: its standard input is closed then. Thread-safe.
    """

    def __init__(self, module: str, function: str = "main") -> None:
        # The same modules as here, whatever the working directory and PYTHONPATH hold.
        root = str(Path(__file__).parents[2])  # an editable install needs it without `site`
        code = f"import sys; sys.path[:] = {[*sys.path, root]!r}; "
        code += f"from {module} import {function}; {function}()"
        self._argv = (sys.executable, "-P", "-S", "-c", code)
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def start(self) -> None:
        """Start the process before the first request. Raises ``ProcessError``."""
        if self._process is None or self._process.poll() is not None:
            self._process = _start(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            weakref.finalize(self, _end, self._process)

    def ask(self, request: bytes, *, timeout: float, most: int) -> bytes:
        """Return the answer to a request, which is one line.

        Raises ``ProcessError`` if the process ends instead, if there is no answer after
        ``timeout`` seconds, or if it has more than ``most`` bytes. The process is ended then.
        """
        with self._turn:
            self.start()
            process = self._process
            assert process is not None and process.stdin and process.stdout  # noqa: PT018, S101
            end = time.monotonic() + timeout
            try:
                process.stdin.write(request + b"\n")
                size = int.from_bytes(self._read(process.stdout.fileno(), ANSWER_HEADER, end))
                if size <= most:
                    return self._read(process.stdout.fileno(), size, end)
                failure = f"gave an answer of {size} bytes, more than {most}"
            except (EOFError, BrokenPipeError):
                status = process.wait()
                ending = signal.Signals(-status).name if status < 0 else f"exit status {status}"
                failure = f"was ended by {ending}"
            except TimeoutError:
                failure = f"took longer than {timeout:.0f} s"
            except BaseException:
                _end(process)
                raise
            _end(process)
            raise ProcessError(self._argv, failure, "")

    def _read(self, handle: int, size: int, end: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            if not select.select([handle], [], [], max(end - time.monotonic(), 0))[0]:
                raise TimeoutError
            piece = os.read(handle, min(size - len(data), 1 << 20))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a serving process and its group, and wait for it; idempotent."""
    for stream in filter(None, (process.stdin, process.stdout)):
        with contextlib.suppress(BrokenPipeError):
            stream.close()
    if process.poll() is None:
        _kill_group(process)
        process.wait()


def end_with_parent() -> None:
    """Kill this process's group as soon as its parent is gone, for example by ``kill -9``.

    Does nothing in a process that ``start_process`` did not start.
    """
    read_end = os.environ.pop(_PARENT_PIPE, "")
    if read_end:
        threading.Thread(target=_end_with, args=(int(read_end),), daemon=True).start()


def _end_with(read_end: int) -> None:
    os.read(read_end, 1)  # returns when the parent's end is closed; nobody writes
    os.killpg(0, signal.SIGKILL)


def _start(argv: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":  # noqa: ANN401 - Popen's
    """Start a process that leads its own group. Raises ``ProcessError``."""
    try:
        return subprocess.Popen(argv, start_new_session=True, **options)
    except OSError as error:
        raise ProcessError(argv, error.strerror or str(error), "") from error


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _text(out: bytes, err: bytes | None) -> str:
    return (out + (err or b"")).decode("utf-8", "replace")
