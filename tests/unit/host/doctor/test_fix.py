"""Planned repairs: the commands for a machine in a given state."""

from dataclasses import replace

import pytest

from harness.host.doctor.check import Check, MachinePart
from harness.host.doctor.fix import advice, plan_fixes
from harness.host.doctor.host import Host, Packaging, Rights

WELL = Host(
    packaging=Packaging.APT,
    rights=Rights.ROOT,
    systemd=False,
    has_engine=True,
    engine_runs=True,
    engine_elsewhere=False,
    binfmt_mounted=True,
    cgroups_mounted=True,
    useless_handlers=(),
)
BARE = replace(WELL, has_engine=False, engine_runs=False, binfmt_mounted=False)
APT = "env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120"
INSTALL = f"{APT} install -y --no-install-recommends"
ASSEMBLER = "mmdebstrap arch-test debian-archive-keyring uidmap make"
DOCKERD = "sh -c 'setsid --fork dockerd > /var/log/wheelgrid-dockerd.log 2>&1 < /dev/null'"


def broken(*parts: MachinePart) -> tuple[Check, ...]:
    """Return checks of which those of ``parts`` are not ok."""
    return tuple(Check(part=p, name=p, ok=p not in parts, detail="") for p in MachinePart)


def lines(checks: tuple[Check, ...], host: Host) -> list[str]:
    return [command.line for command in plan_fixes(checks, host)]


def test_no_failed_check_plans_nothing() -> None:
    """A second run of the repairs does nothing."""
    assert lines(broken(), WELL) == []


def test_bare_machine_gets_everything_in_order() -> None:
    """First packages, then binfmt_misc with its handlers, then the engine without systemd."""
    assert lines(
        broken(MachinePart.ENGINE, MachinePart.EMULATION, MachinePart.ASSEMBLER), BARE
    ) == [
        f"{APT} update",
        f"{INSTALL} docker.io ca-certificates qemu-user-static binfmt-support {ASSEMBLER}",
        "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc",
        "update-binfmts --import",
        "update-binfmts --enable",
        DOCKERD,
    ]


def test_systemd_starts_engine_and_registers_handlers() -> None:
    """A machine with systemd needs neither dockerd by hand nor binfmt-support."""
    host = replace(WELL, systemd=True, engine_runs=False)
    assert lines(broken(MachinePart.ENGINE, MachinePart.EMULATION), host) == [
        f"{APT} update",
        f"{INSTALL} qemu-user-static",
        "systemctl restart systemd-binfmt",
        "systemctl enable --now docker",
    ]


def test_installed_engine_is_only_started() -> None:
    """Apt does not run if dockerd is installed."""
    assert lines(broken(MachinePart.ENGINE), replace(WELL, engine_runs=False)) == [DOCKERD]


@pytest.mark.parametrize("state", [{"engine_runs": True}, {"engine_elsewhere": True}])
def test_running_or_remote_engine_is_not_started(state: dict[str, bool]) -> None:
    """The same holds for one that denies access and for one at DOCKER_HOST."""
    host = replace(WELL, **{"engine_runs": False, **state})  # type: ignore[arg-type]
    assert lines(broken(MachinePart.ENGINE), host) == []


def test_cgroups_are_mounted_before_the_engine_starts() -> None:
    """Without systemd nothing else mounts them."""
    plan = lines(broken(MachinePart.ENGINE), replace(BARE, cgroups_mounted=False))
    assert plan[-2:] == ["cgroupfs-mount", DOCKERD]
    assert plan[1].endswith("cgroupfs-mount")


def test_handler_without_flag_f_is_removed_first() -> None:
    """It would prevent the registration of another one with the same name."""
    plan = lines(broken(MachinePart.EMULATION), replace(WELL, useless_handlers=("qemu-arm",)))
    drop = "sh -c 'echo -1 > /proc/sys/fs/binfmt_misc/qemu-arm'"
    assert plan.index(drop) < plan.index("update-binfmts --enable")


def test_commands_use_sudo_without_root() -> None:
    """With passwordless sudo each command runs, and is shown, with it."""
    plan = lines(
        broken(MachinePart.ENGINE, MachinePart.EMULATION), replace(BARE, rights=Rights.SUDO)
    )
    assert plan
    assert all(line.startswith("sudo -n ") for line in plan)


@pytest.mark.parametrize(
    "host",
    [replace(BARE, rights=Rights.NONE), replace(BARE, packaging=Packaging.DNF)],
    ids=["no-rights", "no-apt"],
)
def test_nothing_is_planned_without_apt_or_rights(host: Host) -> None:
    """Such a machine only gets advice."""
    assert plan_fixes(broken(*MachinePart), host) == ()


@pytest.mark.parametrize(
    ("packaging", "named", "unnamed"),
    [
        (Packaging.APT, ["apt-get install docker.io"], ["dnf", "brew"]),
        (Packaging.DNF, ["dnf install moby-engine"], ["apt-get", "brew"]),
        (Packaging.BREW, ["brew install --cask docker-desktop"], ["apt-get", "dnf"]),
        (Packaging.OTHER, ["apt-get", "dnf", "brew"], []),
    ],
)
def test_advice_is_for_this_system(
    packaging: Packaging, named: list[str], unnamed: list[str]
) -> None:
    """An unknown system gets the commands for all."""
    text = advice(replace(BARE, packaging=packaging))
    assert all(word in text for word in named)
    assert not any(word in text for word in unnamed)


def test_network_and_disk_plan_nothing() -> None:
    """No command fixes them."""
    assert (
        lines(broken(MachinePart.NETWORK, MachinePart.DISK, MachinePart.ENGINE_FEATURES), WELL)
        == []
    )
