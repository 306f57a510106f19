"""Wait for a file lock up to a limit, and report what is waited for and who holds it."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

SAY_AFTER = 5.0
"""Seconds before the first report."""
SAY_AGAIN = 60.0
LONGEST_WAIT = 2 * 3600.0
"""Seconds. To compile an interpreter takes minutes; a holder of hours is stopped or hangs."""


class HeldTooLongError(OSError):
    """Another process has held the lock for ``LONGEST_WAIT`` seconds; ``strerror`` names it."""


def acquire(lock: FileLock, what: str, announce: Callable[[str], None]) -> None:
    """Acquire ``lock``, which is held to make ``what``. Raises ``OSError``."""
    start, pause = time.monotonic(), SAY_AFTER
    while True:
        try:
            lock.acquire(timeout=pause)
        except Timeout:
            holder, waited = holder_of(Path(lock.lock_file)), time.monotonic() - start
            if waited >= LONGEST_WAIT:
                reason = f"{holder} has held the lock of {what} for {waited:.0f} s; end it"
                raise HeldTooLongError(None, reason, lock.lock_file) from None
            announce(f"waiting {waited:.0f} s for {what}, which {holder} makes")
            pause = min(SAY_AGAIN, max(LONGEST_WAIT - waited, SAY_AFTER))
        else:
            return


def holder_of(path: Path) -> str:
    """Describe the process that holds the lock of a file, as far as the system shows it.

    Source: proc(5), ``/proc/locks`` and ``/proc/PID/stat``. Processes of other PID namespaces and
    hosts have no number there.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        inode = str(path.stat().st_ino)
        for line in Path("/proc/locks").read_text().splitlines():
            _, kind, *_, pid, place, _, _ = line.split()
            if kind != "->" and place.rpartition(":")[2] == inode and int(pid) > 0:
                return f"process {pid}{_state(pid)}"
    return "another process"


def _state(pid: str) -> str:
    stat = Path("/proc", pid, "stat").read_text()
    name, _, rest = stat.partition("(")[2].rpartition(")")
    stopped = rest.split()[0] in ("T", "t")
    return f" ({name}{', which is stopped' if stopped else ''})"


def is_alive(pid: int) -> bool:
    """Whether a process of that number exists here."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
