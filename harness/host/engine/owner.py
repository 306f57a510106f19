"""Whose container is this: a label that names the process which started it.

A run that was killed cannot clean up after itself. Its containers carry the machine,
the boot and the process they belong to, so that the next run can tell an orphan from
the container of a run that goes on beside it.
"""

import os
from pathlib import Path

OWNER_LABEL = "wheelgrid.owner"


def own_label() -> dict[str, str]:
    """Return the label that marks a container as this process's."""
    return {OWNER_LABEL: _owner(os.getpid())}


def is_orphan(owner: str) -> bool:
    """Whether the process of that label is gone; False for another machine's."""
    machine, _, rest = owner.partition(" ")
    if machine != _machine():
        return False
    boot, _, process = rest.partition(" ")
    if boot != _boot():
        return True
    pid = process.partition(":")[0]
    return not pid.isdigit() or owner != _owner(int(pid))


def _owner(pid: int) -> str:
    """Name a process so that it stays unique: with its start time, since ids are used again."""
    return f"{_machine()} {_boot()} {pid}:{_started(pid)}"


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return "gone" if not _alive(pid) else "unknown"  # no /proc: macOS
    # Field 22 of proc(5), counted after the command's closing parenthesis.
    return stat.rpartition(")")[2].split()[19]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _machine() -> str:
    return _first_line("/etc/machine-id") or os.uname().nodename


def _boot() -> str:
    return _first_line("/proc/sys/kernel/random/boot_id") or "unknown"


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
