"""``Host``: the properties of this machine that repairs depend on."""

import os
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.host.doctor.emulation import BINFMT_MISC, read_handlers
from harness.host.process import ProcessError, run_process

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


class Packaging(StrEnum):
    """The package manager of this machine."""

    APT = "apt"
    DNF = "dnf"
    BREW = "brew"
    OTHER = "other"


class Rights(StrEnum):
    """The harness's rights on this machine."""

    ROOT = "root"
    SUDO = "sudo"
    """Without a password."""
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """The properties of a machine that repairs depend on."""

    packaging: Packaging
    rights: Rights
    systemd: bool
    """It is the running init, not only installed."""
    has_engine: bool
    """``dockerd`` is installed, not only the client."""
    engine_runs: bool
    """``dockerd`` runs, whether or not it can be reached."""
    engine_elsewhere: bool
    """``DOCKER_HOST`` is not this machine's default socket."""
    binfmt_mounted: bool
    cgroups_mounted: bool
    useless_handlers: tuple[str, ...]
    """QEMU handlers that are disabled or lack the F flag."""


def inspect_host() -> Host:
    """Return the properties of this machine. Never asks for a password."""
    return Host(
        packaging=_packaging(),
        rights=_rights(),
        systemd=Path("/run/systemd/system").is_dir(),
        has_engine=_find("dockerd"),
        engine_runs=_dockerd_runs(),
        engine_elsewhere=os.environ.get("DOCKER_HOST", DEFAULT_SOCKET) != DEFAULT_SOCKET,
        binfmt_mounted=(BINFMT_MISC / "register").exists(),
        cgroups_mounted=any(Path("/sys/fs/cgroup").glob("*")),
        useless_handlers=tuple(
            handler.name
            for handler in read_handlers()
            if handler.name.startswith("qemu-") and not (handler.enabled and "F" in handler.flags)
        ),
    )


def _packaging() -> Packaging:
    if sys.platform == "darwin":
        return Packaging.BREW
    tools = {"apt-get": Packaging.APT, "dnf": Packaging.DNF}
    return next((kind for tool, kind in tools.items() if _find(tool)), Packaging.OTHER)


def _rights() -> Rights:
    if os.geteuid() == 0:
        return Rights.ROOT
    try:
        run_process(["sudo", "-n", "true"], timeout=10)
    except ProcessError:
        return Rights.NONE
    return Rights.SUDO


def _find(program: str) -> bool:
    return shutil.which(program, path=SYSTEM_PATH) is not None


def _dockerd_runs() -> bool:
    for name in Path("/proc").glob("[0-9]*/comm"):
        try:
            if name.read_text().strip() == "dockerd":
                return True
        except OSError:  # the process ended
            continue
    return False
