"""The reading process with small limits, or with a crash, for tests of its death."""

import os
import signal
from pathlib import Path

from harness.wheels import reading_process
from harness.wheels.archive.contents import WheelFacts, read_wheel


def little_memory() -> None:
    """Read with 72 MiB."""
    reading_process.MEMORY = 72 << 20
    reading_process.main()


def little_time() -> None:
    """Read each wheel twenty times with at most a second of a processor."""

    def read(path: Path) -> WheelFacts:
        for _ in range(19):
            read_wheel(path)
        return read_wheel(path)

    reading_process.PROCESSOR_SECONDS = 1
    reading_process.read_wheel = read  # type: ignore[attr-defined]
    reading_process.main()


def crash() -> None:
    """Crash at every wheel called ``large``."""

    def read(path: Path) -> WheelFacts:
        if path.name.startswith("large"):
            os.kill(os.getpid(), signal.SIGSEGV)
        return read_wheel(path)

    reading_process.read_wheel = read  # type: ignore[attr-defined]
    reading_process.main()


def crash_at_parts() -> None:
    """Crash at everything but whole wheels."""

    def crash(**_: object) -> bytes:
        os.kill(os.getpid(), signal.SIGSEGV)
        return b""

    for task in reading_process.TASKS.keys() - {"facts"}:
        reading_process.TASKS[task] = crash
    reading_process.main()
