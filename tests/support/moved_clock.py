"""A process whose wall clock a file moves, as a step of the system's clock would.

Time namespaces have no wall clock (time_namespaces(7)), and libfaketime 0.9.10 fails in
``time.sleep`` of Python 3.11. So a small library replaces ``clock_gettime`` of the C library.
"""

import subprocess
import sys
from pathlib import Path

_SOURCE = r"""
#include <stdlib.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

int clock_gettime(clockid_t id, struct timespec *now)
{
    long failed = syscall(SYS_clock_gettime, id, now);
    const char *path = getenv("WHEELGRID_TEST_CLOCK");
    if (failed || id != CLOCK_REALTIME || !path)
        return (int)failed;
    char text[32] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) > 0)
            now->tv_sec += atol(text);
        close(file);
    }
    return 0;
}
"""


class MovedClock:
    """Moves the clock of the processes that have ``environment``."""

    def __init__(self, folder: Path) -> None:
        source, library = folder / "clock.c", folder / "clock.so"
        source.write_text(_SOURCE)
        compiler = [sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC"]
        words = [*compiler, "-o", str(library), str(source)]
        subprocess.run(words, check=True, capture_output=True)
        self._seconds = folder / "clock"
        self.move(0)
        self.environment = {
            "LD_PRELOAD": str(library),
            "WHEELGRID_TEST_CLOCK": str(self._seconds),
        }

    def move(self, seconds: int) -> None:
        """Set the clock to so many seconds after the true time."""
        self._seconds.write_text(str(seconds))
