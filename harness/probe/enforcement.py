"""Compare the hardening with the limits that a process in the container sees (pure)."""

from collections.abc import Iterator

from harness.host.engine.hardening import SHM, TMP, ContainerLimits, Hardening
from harness.probe.answers import Enforced

_PERIOD = 100_000
"""Microseconds: the engine's period for ``--cpus``."""


def unenforced(seen: Enforced, hardening: Hardening, limits: ContainerLimits) -> tuple[str, ...]:
    """Return the names of the options and limits that are not in effect."""
    return tuple(name for name, holds in _checks(seen, hardening, limits) if not holds)


def _checks(
    seen: Enforced, hardening: Hardening, limits: ContainerLimits
) -> Iterator[tuple[str, bool]]:
    status = seen.status
    user, _, group = hardening.user.partition(":")
    yield "user", status.get("Uid", "").split()[:1] == [user]
    yield "group", status.get("Gid", "").split()[:1] == [group]
    errors = seen.errors
    yield "no_network", set(seen.interfaces) <= {"lo"} and errors.get("connect") == "ENETUNREACH"
    yield "read_only", "ro" in _options(seen, "/") and errors.get("write") == "EROFS"
    yield "no_ipc", limits.shm > 0 or SHM not in seen.mounts
    sets = [status.get(name, "") for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")]
    yield "no_capabilities", all(_is_zero(each) for each in sets)
    yield "no_new_privileges", status.get("NoNewPrivs") == "1"
    yield "no_core", seen.core == "0"
    filtered = status.get("Seccomp") == "2"  # SECCOMP_MODE_FILTER
    # ENOSYS: the emulator traces nothing. The other call reaches the kernel on every arch.
    denied = errors.get("ptrace") in {"EPERM", "ENOSYS"} and errors.get("schedule") == "EPERM"
    yield "seccomp", filtered and denied
    yield "tmpfs", _is_tmpfs(seen, TMP, limits.tmpfs)
    yield "shm", limits.shm == 0 or _is_tmpfs(seen, SHM, limits.shm)
    # Version 1 of cgroups counts memory and swap as one, version 2 swap alone.
    no_swap = seen.files.get("swap") in {"", "0", str(limits.memory)}
    yield "memory", seen.files.get("memory") == str(limits.memory) and no_swap
    yield "pids", seen.files.get("pids") == str(limits.pids)
    quota = str(round(limits.cpus * _PERIOD))
    yield "cpus", seen.files.get("cpu") in {quota, f"{quota} {_PERIOD}"}


def _options(seen: Enforced, mount: str) -> set[str]:
    return set(seen.mounts.get(mount, "").replace(" ", ",").split(","))


def _is_tmpfs(seen: Enforced, mount: str, size: int) -> bool:
    return {"nosuid", "nodev", f"size={size >> 10}k"} <= _options(seen, mount)


def _is_zero(capabilities: str) -> bool:
    return bool(capabilities) and not capabilities.strip("0")
