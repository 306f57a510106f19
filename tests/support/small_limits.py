"""The reading process with small limits, or with a crash, for tests of its death."""

import os
import signal
from pathlib import Path

from harness.wheels import reading_process
from harness.wheels.archive.contents import WheelFacts


def little_memory() -> None:
    """Read with 112 MiB."""
    reading_process.MEMORY = 112 << 20  # type: ignore[misc]
    reading_process.main()


def little_time() -> None:
    """Read each wheel twenty times with at most a second of a processor."""
    read_wheel = reading_process.read_wheel
    reading_process.PROCESSOR_SECONDS = 1  # type: ignore[misc]
    reading_process.read_wheel = lambda path: [read_wheel(path) for _ in range(20)][0]  # type: ignore[attr-defined]
    reading_process.main()


def crash() -> None:
    """Crash at every wheel called ``large``."""
    read_wheel = reading_process.read_wheel

    def read(path: Path) -> WheelFacts:
        if path.name.startswith("large"):
            os.kill(os.getpid(), signal.SIGSEGV)
        return read_wheel(path)

    reading_process.read_wheel = read  # type: ignore[attr-defined]
    reading_process.main()
