"""Hardening of containers for untrusted code, as host configuration and as ``docker run`` options.

Both come from one value, so that a reproduced cell has the same limits as a probed one.
"""

import json
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
        "open_tree", "mount_setattr", "pivot_root", "unshare", "setns",
    }
)  # fmt: skip
"""System calls that are denied in addition to those of the engine's default profile."""
_AF_ALG, _AF_VSOCK = 38, 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Resource limits of a probe container."""

    memory: int = 1 << 30
    """Bytes, including swap and the tmpfs."""
    pids: int = 128
    cpus: float = 1.0
    tmpfs: int = 512 << 20
    """Bytes of ``/tmp``, the only writable directory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hardening:
    """Restrictions of a container for untrusted code. Tests can disable each of them."""

    user: str = "65534:65534"
    no_network: bool = True
    read_only: bool = True
    no_ipc: bool = True
    """A private IPC namespace without ``/dev/shm``."""
    no_capabilities: bool = True
    no_new_privileges: bool = True
    no_core: bool = True
    """No core files."""
    seccomp: bool = True
    """The engine's default system calls without ``DENIED``."""

    @property
    def security_options(self) -> list[str]:
        """``--security-opt``, without the seccomp profile."""
        return ["no-new-privileges"] if self.no_new_privileges else []

    def host_config(self, limits: Limits) -> dict[str, Any]:
        """Return the arguments of docker-py's ``create_host_config``."""
        core = 0 if self.no_core else -1
        seccomp = [f"seccomp={seccomp_profile() if self.seccomp else 'unconfined'}"]
        return {
            "network_mode": "none" if self.no_network else "bridge",
            "ipc_mode": "none" if self.no_ipc else "private",
            "read_only": self.read_only,
            "tmpfs": {TMP: _tmpfs(limits)},
            "cap_drop": ["ALL"] if self.no_capabilities else [],
            "security_opt": [*self.security_options, *seccomp],
            "pids_limit": limits.pids,
            "mem_limit": limits.memory,
            "memswap_limit": limits.memory,
            "nano_cpus": int(limits.cpus * 1e9),
            "ulimits": [{"name": "core", "soft": core, "hard": core}],
            "log_config": {"type": "none"},
        }

    def words(self, limits: Limits, seccomp: str = "") -> list[str]:
        """Return the options of ``docker run``; ``seccomp`` is the path of the profile, if any."""
        words = ["--user", self.user]
        words += ["--network", "none"] if self.no_network else []
        words += ["--ipc", "none"] if self.no_ipc else []
        words += ["--read-only"] if self.read_only else []
        words += ["--tmpfs", f"{TMP}:{_tmpfs(limits)}"]
        words += ["--cap-drop", "ALL"] if self.no_capabilities else []
        for option in (*self.security_options, *([f"seccomp={seccomp}"] if seccomp else [])):
            words += ["--security-opt", option]
        words += ["--pids-limit", f"{limits.pids}", "--cpus", f"{limits.cpus}"]
        words += ["--memory", f"{limits.memory}", "--memory-swap", f"{limits.memory}"]
        return words + (["--ulimit", "core=0:0"] if self.no_core else [])


TMP = "/tmp"  # noqa: S108 - a tmpfs in the container
HARDENING = Hardening()
LIMITS = Limits()


def _tmpfs(limits: Limits) -> str:
    # No noexec: extension modules are mapped executable from here.
    return f"rw,exec,nosuid,nodev,mode=1777,size={limits.tmpfs}"


@once
def seccomp_profile() -> str:
    """Return the seccomp profile as JSON: the engine's default without ``DENIED``.

    Rules for capabilities are left out, since a probe container has none. Sockets of the families
    AF_ALG (kernel crypto) and AF_VSOCK (virtual machine host) are denied.
    """
    profile = json.loads(files(__package__).joinpath("seccomp_default.json").read_text())
    del profile["comment"]
    profile["syscalls"] = [
        {**rule, "names": names}
        for rule in profile["syscalls"]
        if not rule.get("includes", {}).get("caps")
        and (names := [name for name in rule["names"] if name not in {*DENIED, "socket"}])
    ]
    for value, op in ((_AF_ALG, "LT"), (_AF_ALG + 1, "EQ"), (_AF_VSOCK, "GT")):
        condition = {"index": 0, "value": value, "op": f"SCMP_CMP_{op}"}
        profile["syscalls"].append(
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [condition]}
        )
    return json.dumps(profile)
