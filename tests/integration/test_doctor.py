"""The doctor on a real machine: programs of every arch run, and a well machine stays as it is."""

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
def test_a_program_of_each_arch_runs_and_knows_its_machine(arch: Arch, tmp_path: Path) -> None:
    """The compiled program is small, static, and answers as ``uname -m`` would."""
    program = make_program(arch, Cache(tmp_path))
    assert program.stat().st_size < 4096
    assert run_program(program, arch).machine in arch.machines


@pytest.mark.parametrize("arch", FOREIGN, ids=lambda arch: str(arch.name))
def test_the_emulator_that_answers_tells_its_version(arch: Arch, cache: Cache) -> None:
    """The version comes from the emulator that the kernel really started."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", emulator_version(arch, cache))


def test_this_machine_is_ready(cache: Cache) -> None:
    """Every check that a run cannot do without is ok for every arch."""
    checks = run_checks(ARCHES, cache=cache)
    assert is_ready(checks), [check for check in checks if not check.ok]
    assert sum(check.part is MachinePart.EMULATION for check in checks) == len(ARCHES)


def test_mending_a_machine_that_is_well_runs_no_command(cache: Cache) -> None:
    """The repairs are idempotent."""
    announced: list[str] = []
    assert is_ready(fix_machine(ARCHES, announced.append, cache=cache, tests=True))
    assert announced == []


def test_an_arch_that_nothing_runs_is_told(tmp_path: Path) -> None:
    """A file that is no program of this or any registered machine gives the kernel's reason."""
    program = tmp_path / "program"
    # An ELF header whose machine (EM_AVR) has no handler.
    program.write_bytes(bytes.fromhex("7f454c4601010100000000000000000002005300") + b"\0" * 64)
    program.chmod(0o755)
    assert run_program(program, find_arch("s390x")).error == "Exec format error"


@pytest.fixture
def _nobody() -> Iterator[None]:
    """Be the user nobody for a while."""
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
def test_no_permission_on_the_socket_is_told_apart_from_no_engine() -> None:
    """A user outside the socket's group is told about it, and not to install an engine."""
    (check,) = check_engine()
    assert "no permission on the container engine's socket" in check.detail
