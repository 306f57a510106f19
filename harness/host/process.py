"""The one place where host processes are started.

In: an argument vector. Out: its standard output, or an error with the tail of what
it printed. A process never outlives the call, whatever interrupts it.
"""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TAIL_LINES = 15
_LIFELINE = "WHEELGRID_LIFELINE"
STDERR_FILENO = 2


class ProcessError(Exception):
    """A process failed, was not there, or took too long; ``tail`` is the end of its output."""

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

    ``env`` is added to the harness's own environment; ``merge`` puts standard error into
    the output. Raises ``ProcessError`` when the program is not found, exits non-zero or
    runs longer than ``timeout`` seconds. The process leads its own group, and the group
    is killed when the call ends early.
    """
    words = [str(word) for word in argv]
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise ProcessError(words, error.strerror or str(error), "") from error
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
    """Run ``argv`` to its end, its output on our standard error as it comes.

    For what takes minutes and reports progress. Raises ``ProcessError`` as ``run_process``
    does, without the output: the user has seen it.
    """
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=STDERR_FILENO, start_new_session=True
        )
    except OSError as error:
        raise ProcessError(argv, error.strerror or str(error), "") from error
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
    """A process that works while its starter looks on."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def status(self) -> int | None:
        """Return its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def interrupt(self) -> None:
        """Ask it to end, as Ctrl-C would; the processes it started are its own to end."""
        self._process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def start_process(argv: Sequence[str | Path], *, output: Path) -> Iterator[RunningProcess]:
    """Run ``argv`` beside the caller, all its output to the file ``output``.

    The process leads its own session, so that a Ctrl-C on the terminal reaches the caller
    alone, and its group is killed when the context ends. It gets a lifeline too, see
    ``end_with_parent``. Raises ``ProcessError`` when it does not start.
    """
    words = [str(word) for word in argv]
    lifeline, held = os.pipe()
    try:
        with output.open("wb") as stream:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lifeline,),
                env={**os.environ, _LIFELINE: str(lifeline)},
            )
    except OSError as error:
        os.close(held)
        raise ProcessError(words, error.strerror or str(error), "") from error
    finally:
        os.close(lifeline)
    try:
        yield RunningProcess(process)
    finally:
        _kill_group(process)
        process.wait()
        os.close(held)


def end_with_parent() -> None:
    """End this process's group as soon as the process that started it is gone.

    For what ``start_process`` runs: a caller that is killed (``kill -9``) cannot end it any
    more. Does nothing in a process that was started otherwise.
    """
    lifeline = os.environ.pop(_LIFELINE, "")
    if lifeline:
        threading.Thread(target=_end_with, args=(int(lifeline),), daemon=True).start()


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)  # nobody writes: it returns when the other end is closed
    os.killpg(0, signal.SIGKILL)


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _text(out: bytes, err: bytes | None) -> str:
    return (out + (err or b"")).decode("utf-8", "replace")
