"""The doctor on a real machine: programs of every arch run, and repairs are idempotent."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.arches import ARCHES, Arch, find_arch
from harness.host.cache import Cache
from harness.host.doctor import MachinePart, emulator_version, fix_machine, is_ready, run_checks
from harness.host.doctor.checks import check_engine
from harness.host.doctor.emulation import make_program, run_program

pytestmark = pytest.mark.integration

FOREIGN = [arch for arch in ARCHES if os.uname().machine not in arch.machines]


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: str(arch.name))
def test_a_program_of_each_arch_runs(arch: Arch, tmp_path: Path) -> None:
    """The compiled program is small and static, and answers as ``uname -m``."""
    program = make_program(arch, Cache(tmp_path))
    assert program.stat().st_size < 4096
    assert run_program(program, arch).machine in arch.machines


@pytest.mark.parametrize("arch", FOREIGN, ids=lambda arch: str(arch.name))
def test_the_running_emulators_version_is_reported(arch: Arch, cache: Cache) -> None:
    """The version is that of the emulator that the kernel started."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", emulator_version(arch, cache))


def test_this_machine_is_ready(cache: Cache) -> None:
    """Every required check is ok for every arch."""
    checks = run_checks(ARCHES, cache=cache)
    assert is_ready(checks), [check for check in checks if not check.ok]
    assert sum(check.part is MachinePart.EMULATION for check in checks) == len(ARCHES)


def test_a_ready_machine_needs_no_repair(cache: Cache) -> None:
    """A second repair runs no command."""
    announced: list[str] = []
    assert is_ready(fix_machine(ARCHES, announced.append, cache=cache, tests=True))
    assert announced == []


def test_an_arch_without_a_handler_is_reported(tmp_path: Path) -> None:
    """The kernel's reason is reported for a file that no handler runs."""
    program = tmp_path / "program"
    # An ELF header whose machine (EM_AVR) has no handler.
    program.write_bytes(bytes.fromhex("7f454c4601010100000000000000000002005300") + b"\0" * 64)
    program.chmod(0o755)
    assert run_program(program, find_arch("s390x")).error == "Exec format error"


@pytest.fixture
def _nobody() -> Iterator[None]:
    """Run as the user nobody."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    yield
    os.seteuid(0)
    os.setegid(0)
    os.setgroups(groups)


@pytest.mark.usefixtures("_nobody")
def test_missing_rights_are_not_a_missing_engine() -> None:
    """The message names the socket's group instead of a missing engine."""
    (check,) = check_engine()
    assert "no permission on the container engine's socket" in check.detail
