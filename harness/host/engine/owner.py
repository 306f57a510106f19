"""Container labels with the machine, boot and process of the owner.

They distinguish the containers that a killed run left from those of a run that is still active.
"""

import os
from pathlib import Path

OWNER_LABEL = "wheelgrid.owner"


def own_label() -> dict[str, str]:
    """Return the label for containers of this process."""
    return {OWNER_LABEL: _owner(os.getpid())}


def is_orphan(owner: str) -> bool:
    """Whether the process of that label is gone; False for other machines."""
    machine, _, rest = owner.partition(" ")
    if machine != _machine():
        return False
    boot, _, process = rest.partition(" ")
    if boot != _boot():
        return True
    pid = process.partition(":")[0]
    return not pid.isdigit() or owner != _owner(int(pid))


def _owner(pid: int) -> str:
    """Return a unique name of a process, with its start time since ids are reused."""
    return f"{_machine()} {_boot()} {pid}:{_started(pid)}"


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return "gone" if not _alive(pid) else "unknown"  # macOS has no /proc
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
