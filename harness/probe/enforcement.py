"""Compare the hardening with the limits that a process in the container sees (pure)."""

from collections.abc import Iterator

from harness.host.engine.hardening import TMP, ContainerLimits, Hardening
from harness.probe.answers import Enforced

_NO_LIMIT = 1 << 62
"""Bytes. A larger number means "no limit" in version 1 of cgroups."""


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
    yield "no_network", set(seen.interfaces) <= {"lo"}
    yield "read_only", "ro" in _options(seen, "/")
    yield "no_ipc", "/dev/shm" not in seen.mounts  # noqa: S108 - a mount point
    sets = [status.get(name, "") for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")]
    yield "no_capabilities", all(_is_zero(each) for each in sets)
    yield "no_new_privileges", status.get("NoNewPrivs") == "1"
    yield "no_core", seen.core == "0"
    filtered = status.get("Seccomp") == "2"  # SECCOMP_MODE_FILTER
    yield "seccomp", filtered and seen.own_profile
    yield "tmpfs", {"nosuid", "nodev"} <= _options(seen, TMP) and _has_size(seen, limits)
    yield "memory", _number(seen.files.get("memory", "")) == limits.memory
    yield "pids", _number(seen.files.get("pids", "")) == limits.pids
    yield "cpus", _number(seen.files.get("cpu", "")) < _NO_LIMIT


def _options(seen: Enforced, mount: str) -> set[str]:
    return set(seen.mounts.get(mount, "").replace(" ", ",").split(","))


def _has_size(seen: Enforced, limits: ContainerLimits) -> bool:
    return f"size={limits.tmpfs >> 10}k" in _options(seen, TMP)


def _is_zero(capabilities: str) -> bool:
    return bool(capabilities) and not capabilities.strip("0")


def _number(line: str) -> int:
    """Return a cgroup file's number, or ``_NO_LIMIT`` if it is not a number."""
    word = line.partition(" ")[0]
    return int(word) if word.isdigit() else _NO_LIMIT
