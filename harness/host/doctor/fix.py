"""Plan and run the commands that fix failed checks, or print them if they may not run here."""

import itertools
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.arches import Arch
from harness.core.errors import EngineError
from harness.host.cache import Cache
from harness.host.doctor.check import Check, MachinePart
from harness.host.doctor.checks import run_checks
from harness.host.doctor.emulation import BINFMT_MISC
from harness.host.doctor.host import Host, Packaging, Rights, inspect_host
from harness.host.engine.docker import connect
from harness.host.process import ProcessError, show_process

COMMAND_SECONDS = 900
ENGINE_SECONDS = 60
ENGINE_LOG = Path("/var/log/wheelgrid-dockerd.log")

_PACKAGES: dict[MachinePart, tuple[str, ...]] = {
    MachinePart.ENGINE: ("docker.io", "ca-certificates"),
    MachinePart.EMULATION: ("qemu-user-static",),
    MachinePart.ASSEMBLER: ("mmdebstrap", "arch-test", "debian-archive-keyring", "uidmap", "make"),
    MachinePart.TEST_REGISTRY: (
        *("docker-registry", "gpg", "gpg-agent", "crun"),
        *("slurmctld", "slurmd", "slurm-client", "munge", "systemd"),
    ),
    MachinePart.BROWSER: ("chromium", "fonts-dejavu-core", "libatomic1"),
}
"""Debian's packages for each part that can be fixed."""
_FOR_RUNS = (MachinePart.ENGINE, MachinePart.EMULATION, MachinePart.ASSEMBLER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """A command that repairs something."""

    argv: tuple[str, ...]
    starts_engine: bool = False
    """Skipped if the engine answers already, since its installation may start it."""

    @property
    def line(self) -> str:
        """The command as a shell line."""
        return shlex.join(self.argv)


def plan_fixes(checks: Sequence[Check], host: Host) -> tuple[Repair, ...]:
    """Return the commands that fix the failed ``checks`` on ``host``, in order.

    Empty if no check fails, without apt, and without root rights.
    """
    if not _may_act(host):
        return ()
    broken = {check.part for check in checks if not check.ok}
    commands = (
        *_install(_packages(broken, host)),
        *(_register_handlers(host) if MachinePart.EMULATION in broken else ()),
        *(_start_engine(host) if MachinePart.ENGINE in broken else ()),
    )
    if host.rights is Rights.ROOT:
        return commands
    return tuple(
        Repair(argv=("sudo", "-n", *c.argv), starts_engine=c.starts_engine) for c in commands
    )


def fix_machine(
    arches: tuple[Arch, ...],
    announce: Callable[[str], None],
    *,
    cache: Cache | None = None,
    tests: bool = False,
) -> tuple[Check, ...]:
    """Run the repairs for the failed checks of this machine and return the checks afterwards.

    ``announce`` gets each command before it runs; the output of commands goes to standard error.
    Raises ``EngineError`` if a command fails, and with the commands to type if they may not run
    here.
    """
    checks = run_checks(arches, cache=cache, tests=tests)
    host = inspect_host()
    commands = plan_fixes(checks, host)
    for command in commands:
        _apply(command, announce)
    if commands:
        return run_checks(arches, cache=cache, tests=tests)
    if any(_is_fixable(check) for check in checks) and not _may_act(host):
        raise EngineError(advice(host))
    return checks


def advice(host: Host) -> str:
    """Return a message with the commands for a machine that may not be changed here."""
    systems = [host.packaging] if host.packaging in _ADVICE else list(_ADVICE)
    blocks = ["\n    ".join((f"  {_SYSTEMS[each]}:", *_ADVICE[each])) for each in systems]
    return "\n".join(["this machine cannot be fixed automatically; run these commands:", *blocks])


_SYSTEMS = {Packaging.APT: "Debian, Ubuntu", Packaging.DNF: "Fedora", Packaging.BREW: "macOS"}
_ADVICE = {
    Packaging.APT: (
        "sudo apt-get update",
        f"sudo apt-get install {' '.join(p for part in _FOR_RUNS for p in _PACKAGES[part])}",
        "sudo systemctl enable --now docker",
        "sudo systemctl restart systemd-binfmt",
        "sudo usermod -aG docker $USER   # then log in again",
    ),
    Packaging.DNF: (
        "sudo dnf install moby-engine qemu-user-static mmdebstrap debian-keyring make",
        "sudo systemctl enable --now docker",
        "sudo systemctl restart systemd-binfmt",
        "sudo usermod -aG docker $USER   # then log in again",
    ),
    Packaging.BREW: (
        "brew install --cask docker-desktop # its engine has the emulators built in",
        "open -a Docker",
        "wheelgrid run --images registry    # mmdebstrap needs Linux",
    ),
}


def _may_act(host: Host) -> bool:
    return host.packaging is Packaging.APT and host.rights is not Rights.NONE


def _is_fixable(check: Check) -> bool:
    return not check.ok and check.part in _PACKAGES


def _packages(broken: set[MachinePart], host: Host) -> tuple[str, ...]:
    """Return the packages to install for the broken parts."""
    needless = {MachinePart.ENGINE} if host.has_engine or host.engine_elsewhere else set()
    wanted = {part: packages for part, packages in _PACKAGES.items() if part in broken - needless}
    if MachinePart.ENGINE in wanted and not host.cgroups_mounted:
        wanted[MachinePart.ENGINE] += ("cgroupfs-mount",)
    if MachinePart.EMULATION in wanted and not host.systemd:
        wanted[MachinePart.EMULATION] += ("binfmt-support",)
    return tuple(itertools.chain(*wanted.values()))


def _install(packages: tuple[str, ...]) -> tuple[Repair, ...]:
    if not packages:
        return ()
    apt = (
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-q",
        "-o",
        "DPkg::Lock::Timeout=120",
    )
    return (
        Repair(argv=(*apt, "update")),
        Repair(argv=(*apt, "install", "-y", "--no-install-recommends", *packages)),
    )


def _register_handlers(host: Host) -> tuple[Repair, ...]:
    folder = str(BINFMT_MISC)
    mount = Repair(argv=("mount", "-t", "binfmt_misc", "binfmt_misc", folder))
    drop = [_shell(f"echo -1 > {folder}/{shlex.quote(name)}") for name in host.useless_handlers]
    register = (
        [Repair(argv=("systemctl", "restart", "systemd-binfmt"))]
        if host.systemd
        # Import too: a package configured before binfmt-support is not in its database yet.
        else [
            Repair(argv=("update-binfmts", "--import")),
            Repair(argv=("update-binfmts", "--enable")),
        ]
    )
    return (*(() if host.binfmt_mounted else (mount,)), *drop, *register)


def _start_engine(host: Host) -> tuple[Repair, ...]:
    if host.engine_runs or host.engine_elsewhere:
        return ()  # starting it would not help: the check says why it does not answer
    if host.systemd:
        return (Repair(argv=("systemctl", "enable", "--now", "docker"), starts_engine=True),)
    start = _shell(f"setsid --fork dockerd > {ENGINE_LOG} 2>&1 < /dev/null", starts_engine=True)
    if host.cgroups_mounted:
        return (start,)
    return (Repair(argv=("cgroupfs-mount",)), start)


def _shell(script: str, *, starts_engine: bool = False) -> Repair:
    return Repair(argv=("sh", "-c", script), starts_engine=starts_engine)


def _apply(command: Repair, announce: Callable[[str], None]) -> None:
    if command.starts_engine and _engine_answers():
        return
    announce(f"$ {command.line}")
    try:
        show_process(command.argv, timeout=COMMAND_SECONDS)
    except ProcessError as error:
        raise EngineError(f"{command.line}: {error.reason}; see its output above") from error
    if command.starts_engine:
        _await_engine()


def _await_engine() -> None:
    deadline = time.monotonic() + ENGINE_SECONDS
    while not _engine_answers():
        if time.monotonic() > deadline:
            raise EngineError(
                f"the engine was started but does not answer within {ENGINE_SECONDS} s; "
                f"the end of its log:\n{_log_tail()}"
            )
        time.sleep(0.5)


def _engine_answers() -> bool:
    try:
        connect().close()
    except EngineError:
        return False
    return True


def _log_tail() -> str:
    try:
        lines = ENGINE_LOG.read_text(errors="replace").splitlines()
    except OSError:
        return "see `journalctl -u docker`"
    return "\n".join(lines[-20:])
