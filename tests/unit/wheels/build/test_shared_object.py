"""Shared libraries without a compiler: what readers and this machine's loader make of them."""

import ctypes
import io
import os
from pathlib import Path

import pytest

from harness.core.arches import ARCHES, Arch, find_arch
from harness.wheels.archive.elf import ElfFacts, read_elf
from harness.wheels.build.shared_object import shared_object

HERE = find_arch(os.uname().machine)


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_facts(arch: Arch) -> None:
    """Machine, libraries and the wish for an executable stack are as asked."""
    elf = read_elf(io.BytesIO(shared_object(arch, needed=("a.so", "libb.so.1"), exec_stack=True)))
    assert isinstance(elf, ElfFacts)
    assert (elf.machine, elf.bits, elf.little) == (
        arch.elf_machine, arch.elf_bits, arch.elf_little,
    )  # fmt: skip
    assert (elf.type, elf.needed, elf.exec_stack) == ("ET_DYN", ("a.so", "libb.so.1"), True)
    plain = read_elf(io.BytesIO(shared_object(arch)))
    assert isinstance(plain, ElfFacts)
    assert (plain.needed, plain.exec_stack) == ((), False)


def test_the_loader_of_this_machine_takes_it(tmp_path: Path) -> None:
    """It opens the library, and reports the one that it needs."""
    (tmp_path / "plain.so").write_bytes(shared_object(HERE))
    assert ctypes.CDLL(str(tmp_path / "plain.so"))
    (tmp_path / "needs.so").write_bytes(shared_object(HERE, needed=("libabsent.so.1",)))
    with pytest.raises(OSError, match=r"libabsent\.so\.1"):
        ctypes.CDLL(str(tmp_path / "needs.so"))
