"""Hardening of containers for untrusted code, as host configuration and as ``docker run`` options.

Both come from one value, so that a reproduced cell has the same limits as a probed one.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache as once
from importlib.resources import files
from typing import Any

DENIED = frozenset(
    {
        "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
        "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd",
        "keyctl", "add_key", "request_key", "bpf", "perf_event_open",
        "mount", "umount", "umount2", "move_mount", "fsmount", "fsopen", "fsconfig", "fspick",
        "open_tree", "mount_setattr", "pivot_root", "unshare", "setns", "mq_open",
    }
)  # fmt: skip
"""System calls that are denied in addition to those of the engine's default profile."""
_AF_ALG, _AF_VSOCK = 38, 40
_OWN_ONLY = {
    "prlimit64": (0,),
    "sched_setaffinity": (0,),
    "sched_setattr": (0,),
    "sched_setparam": (0,),
    "sched_setscheduler": (0,),
    "setpriority": (0, 0),  # PRIO_PROCESS
    "ioprio_set": (1, 0),  # IOPRIO_WHO_PROCESS
}
"""System calls that a process may make on itself alone: their first arguments then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerLimits:
    """Resource limits of a probe container."""

    memory: int = 1 << 30
    """Bytes, including swap and the tmpfs."""
    pids: int = 128
    cpus: float = 1.0
    tmpfs: int = 512 << 20
    """Bytes of ``/tmp``, the only writable directory unless ``shm`` is set."""
    shm: int = 0
    """Bytes of ``/dev/shm``; 0: the container has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hardening:
    """Restrictions of a container for untrusted code. Tests can disable each of them."""

    user: str = "65534:65534"
    no_network: bool = True
    read_only: bool = True
    no_ipc: bool = True
    """A private IPC namespace without the engine's ``/dev/shm``."""
    no_capabilities: bool = True
    no_new_privileges: bool = True
    no_core: bool = True
    """No core files."""
    seccomp: bool | None = True
    """The engine's default system calls without ``DENIED``; None: the engine's default alone."""

    @property
    def security_options(self) -> list[str]:
        """``--security-opt``, without the seccomp profile."""
        return ["no-new-privileges"] if self.no_new_privileges else []

    def host_config(self, limits: ContainerLimits) -> dict[str, Any]:
        """Return the arguments of docker-py's ``create_host_config``."""
        core = 0 if self.no_core else -1
        seccomp = {
            True: [f"seccomp={seccomp_profile()}"],
            False: ["seccomp=unconfined"],
            None: [],
        }[self.seccomp]
        return {
            "network_mode": "none" if self.no_network else "bridge",
            "ipc_mode": "none" if self.no_ipc else "private",
            "read_only": self.read_only,
            "tmpfs": dict(_tmpfs(limits)),
            "cap_drop": ["ALL"] if self.no_capabilities else [],
            "security_opt": [*self.security_options, *seccomp],
            "pids_limit": limits.pids,
            "mem_limit": limits.memory,
            "memswap_limit": limits.memory,
            "nano_cpus": int(limits.cpus * 1e9),
            "ulimits": [{"name": "core", "soft": core, "hard": core}],
            "log_config": {"type": "none"},
        }

    def words(self, limits: ContainerLimits, seccomp: str = "") -> list[str]:
        """Return the options of ``docker run``; ``seccomp`` is the path of the profile, if any."""
        words = ["--user", self.user]
        words += ["--network", "none"] if self.no_network else []
        words += ["--ipc", "none"] if self.no_ipc else []
        words += ["--read-only"] if self.read_only else []
        for place, options in _tmpfs(limits):
            words += ["--tmpfs", f"{place}:{options}"]
        words += ["--cap-drop", "ALL"] if self.no_capabilities else []
        for option in (*self.security_options, *([f"seccomp={seccomp}"] if seccomp else [])):
            words += ["--security-opt", option]
        words += ["--pids-limit", f"{limits.pids}", "--cpus", f"{limits.cpus}"]
        words += ["--memory", f"{limits.memory}", "--memory-swap", f"{limits.memory}"]
        return words + (["--ulimit", "core=0:0"] if self.no_core else [])


INODES = 200_000
"""Files and directories in ``/tmp``: more would take longer to remove than a cell may run."""
TMP = "/tmp"  # noqa: S108 - a tmpfs in the container
SHM = "/dev/shm"  # noqa: S108 - another one, of the container alone
HARDENING = Hardening()
CONTAINER_LIMITS = ContainerLimits()


def _tmpfs(limits: ContainerLimits) -> Iterator[tuple[str, str]]:
    """Yield the mount points of file systems in memory, with their options."""
    common = f"nosuid,nodev,mode=1777,nr_inodes={INODES}"
    # No noexec: extension modules are mapped executable from here.
    yield TMP, f"rw,exec,{common},size={limits.tmpfs}"
    if limits.shm:
        yield SHM, f"rw,noexec,{common},size={limits.shm}"


@once
def seccomp_profile() -> str:
    """Return the seccomp profile as JSON: the engine's default without ``DENIED``.

    Rules for capabilities are left out, since a probe container has none. Sockets of the families
    AF_ALG (kernel crypto) and AF_VSOCK (virtual machine host) are denied.
    """
    profile = json.loads(files(__package__).joinpath("seccomp_default.json").read_text("utf-8"))
    del profile["comment"]
    profile["syscalls"] = [
        {**rule, "names": names}
        for rule in profile["syscalls"]
        if not rule.get("includes", {}).get("caps")
        and (names := [n for n in rule["names"] if n not in {*DENIED, *_OWN_ONLY, "socket"}])
    ]
    for value, op in ((_AF_ALG, "LT"), (_AF_ALG + 1, "EQ"), (_AF_VSOCK, "GT")):
        profile["syscalls"].append(_allowed("socket", [(value, op)]))
    for name, values in _OWN_ONLY.items():
        profile["syscalls"].append(_allowed(name, [(value, "EQ") for value in values]))
    return json.dumps(profile)


def _allowed(name: str, arguments: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """Return the rule that allows a system call if its first arguments compare like this."""
    conditions = [
        {"index": index, "value": value, "op": f"SCMP_CMP_{op}"}
        for index, (value, op) in enumerate(arguments)
    ]
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": conditions}
