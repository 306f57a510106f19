"""Container labels with the process that owns the container, and what distinguishes it from others.

They distinguish the containers that a killed run left from those of a run that is still active,
perhaps of another user, in another PID namespace, or on another host that uses the same engine.
In doubt a container is someone else's: it ends with its standard input anyway.
"""

import os
import sys
from pathlib import Path

OWNER_LABEL = "wheelgrid.owner"
_PARTS = 5


def own_label() -> dict[str, str]:
    """Return the label for containers of this process."""
    pid = os.getpid()
    return {OWNER_LABEL: " ".join((*_surroundings(), f"{pid}:{_started(pid)}"))}


def is_orphan(owner: str, *, running: bool) -> bool:
    """Whether the container with that label was left by a process of this user that ended here.

    Of an earlier boot only if it is not ``running``: hosts with the same machine id exist, since
    virtual machines are cloned.
    """
    parts = owner.split(" ")
    if len(parts) != _PARTS:
        return False
    machine, user, boot, namespace, process = parts
    own_machine, own_user, own_boot, own_namespace = _surroundings()
    if (machine, user) != (own_machine, own_user):
        return False
    if boot != own_boot:
        return not running
    pid, _, started = process.partition(":")
    return namespace == own_namespace and pid.isdigit() and _is_gone(int(pid), started)


def _surroundings() -> tuple[str, str, str, str]:
    """Return machine, user, boot and PID namespace of this process."""
    machine = f"{_first_line('/etc/machine-id')}@{os.uname().nodename}"
    boot = _first_line("/proc/sys/kernel/random/boot_id") or "unknown"
    return machine, str(os.getuid()), boot, _namespace()


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return "unknown"


def _is_gone(pid: int, started: str) -> bool:
    """Whether a process ended; its start time distinguishes it from another with the same id."""
    if sys.platform != "linux":
        return not _is_alive(pid)
    if not started.isdigit() or not _started(os.getpid()).isdigit():
        return False  # /proc is unreadable, now or then
    now = _started(pid)
    return now != started if now.isdigit() else not _is_alive(pid)


def _started(pid: int) -> str:
    """Return the start time of a process in clock ticks since the boot, ``unknown`` if hidden."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # with hidepid it looks like no process at all (proc(5))
        return "unknown"
    # Field 22 of proc(5), counted after the command's closing parenthesis.
    return stat.rpartition(")")[2].split()[19]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
