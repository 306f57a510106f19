"""Repairs as a plan: which commands a machine in a given state needs."""

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
    """Return a row of checks of which those of ``parts`` are not ok."""
    return tuple(Check(part=p, name=p, ok=p not in parts, detail="") for p in MachinePart)


def lines(checks: tuple[Check, ...], host: Host) -> list[str]:
    return [command.line for command in plan_fixes(checks, host)]


def test_a_machine_that_is_well_needs_nothing() -> None:
    """A second run of the repairs does nothing."""
    assert lines(broken(), WELL) == []


def test_a_bare_machine_gets_everything_in_order() -> None:
    """Packages first; then binfmt_misc, its handlers, and the engine without systemd."""
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


def test_systemd_starts_and_registers_where_it_is_the_init() -> None:
    """With systemd running there is nothing to start by hand, and no binfmt-support."""
    host = replace(WELL, systemd=True, engine_runs=False)
    assert lines(broken(MachinePart.ENGINE, MachinePart.EMULATION), host) == [
        f"{APT} update",
        f"{INSTALL} qemu-user-static",
        "systemctl restart systemd-binfmt",
        "systemctl enable --now docker",
    ]


def test_an_installed_engine_is_started_and_not_installed_again() -> None:
    """Where dockerd is there, apt is not asked."""
    assert lines(broken(MachinePart.ENGINE), replace(WELL, engine_runs=False)) == [DOCKERD]


def test_a_client_without_an_engine_gets_the_engine() -> None:
    """Only ``dockerd`` counts: a docker client answers no one."""
    plan = lines(broken(MachinePart.ENGINE), replace(BARE, binfmt_mounted=True))
    assert any("docker.io" in line for line in plan)


@pytest.mark.parametrize("state", [{"engine_runs": True}, {"engine_elsewhere": True}])
def test_no_second_engine_is_started(state: dict[str, bool]) -> None:
    """One that runs and refuses us, or one that DOCKER_HOST names, is not ours to start."""
    host = replace(WELL, **{"engine_runs": False, **state})  # type: ignore[arg-type]
    assert lines(broken(MachinePart.ENGINE), host) == []


def test_control_groups_are_mounted_before_an_engine_that_needs_them() -> None:
    """Without systemd nobody else mounts them."""
    plan = lines(broken(MachinePart.ENGINE), replace(BARE, cgroups_mounted=False))
    assert plan[-2:] == ["cgroupfs-mount", DOCKERD]
    assert plan[1].endswith("cgroupfs-mount")


def test_a_handler_without_the_f_flag_is_dropped_before_a_new_one() -> None:
    """A handler that is there keeps a better one of the same name from being registered."""
    plan = lines(broken(MachinePart.EMULATION), replace(WELL, useless_handlers=("qemu-arm",)))
    drop = "sh -c 'echo -1 > /proc/sys/fs/binfmt_misc/qemu-arm'"
    assert plan.index(drop) < plan.index("update-binfmts --enable")


def test_every_command_goes_through_sudo_where_we_are_not_root() -> None:
    """With passwordless sudo each line is run, and shown, with it."""
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
def test_nothing_is_planned_where_we_may_not_act(host: Host) -> None:
    """A system without apt, or a user without rights, is told and not touched."""
    assert plan_fixes(broken(*MachinePart), host) == ()


@pytest.mark.parametrize(
    ("packaging", "told", "untold"),
    [
        (Packaging.APT, ["apt-get install docker.io"], ["dnf", "brew"]),
        (Packaging.DNF, ["dnf install moby-engine"], ["apt-get", "brew"]),
        (Packaging.BREW, ["brew install --cask docker-desktop"], ["apt-get", "dnf"]),
        (Packaging.OTHER, ["apt-get", "dnf", "brew"], []),
    ],
)
def test_advice_is_for_the_system_at_hand(
    packaging: Packaging, told: list[str], untold: list[str]
) -> None:
    """The exact commands of one's own system; of all where it is none that we know."""
    text = advice(replace(BARE, packaging=packaging))
    assert all(word in text for word in told)
    assert not any(word in text for word in untold)


def test_network_and_disk_are_nothing_to_install() -> None:
    """What no command mends plans none."""
    assert (
        lines(broken(MachinePart.NETWORK, MachinePart.DISK, MachinePart.ENGINE_FEATURES), WELL)
        == []
    )
