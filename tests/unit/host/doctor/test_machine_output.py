"""What the program of each architecture says of its machine."""

import os
import struct
from pathlib import Path

import pytest

from harness.core.arches import ARCHES, Arch, find_arch
from harness.host.doctor.machine_program import machine_program, read_output
from harness.host.process import run_process


def test_the_program_reports_room_page_size_and_processor(tmp_path: Path) -> None:
    arch = find_arch(os.uname().machine)
    program = tmp_path / "machine"
    program.write_bytes(machine_program(arch))
    program.chmod(0o755)
    run = read_output(arch, run_process([program], timeout=10))
    root = os.statvfs("/")
    free = root.f_bavail * root.f_frsize
    assert run.machine == os.uname().machine
    assert abs(run.room - free) < 1 << 30
    assert run.page_size == os.sysconf("SC_PAGE_SIZE")
    first = Path("/proc/cpuinfo").read_text().partition("\n")[0]
    assert run.cpuinfo.startswith(first)


def printed(arch: Arch) -> bytes:
    """Return what the program prints on a machine with 64 KiB pages and 3 free blocks."""
    order, word = "<" if arch.elf_little else ">", "Q" if arch.elf_bits == 64 else "I"
    wide = "Q" if word == "Q" and arch.name != "s390x" else "I"
    room = struct.pack(f"{order}2{wide}3Q", 0xEF53, 4096, 100, 50, 3)
    auxv = struct.pack(f"{order}4{word}", 6, 1 << 16, 0, 0)
    machine = arch.machines[0].encode()
    return machine.ljust(64, b"\0") + room.ljust(128, b"\xaa") + auxv + b"processor : 0\n"


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_each_architecture_has_its_own_layout(arch: Arch) -> None:
    run = read_output(arch, printed(arch))
    assert (run.machine, run.room, run.page_size) == (arch.machines[0], 3 * 4096, 1 << 16)
    assert run.cpuinfo == "processor : 0\n"


@pytest.mark.parametrize("length", [0, 10, 64, 100])
def test_a_short_output_says_less(length: int) -> None:
    arch = find_arch("x86_64")
    run = read_output(arch, printed(arch)[:length])
    assert run.machine == "x86_64"[:length]
    assert (run.room, run.page_size, run.cpuinfo) == (0, 0, "")
