"""Machines: their variables, and the comparison of a session with what was asked for."""

from dataclasses import replace
from typing import Any

import pytest

from harness.core.cells import Cell
from harness.core.machines import (
    Machine,
    arch_label,
    difference,
    machine_name,
    machine_of,
    on_machine,
    plain_key,
    recorded_on,
)
from harness.core.passport import Passport
from harness.matrix.cell_list import dump_cells, load_cells
from tests.support.cells import make_subject
from tests.support.passports import make_passport
from tests.support.targets import make_machine_target, make_target

LARGE = Machine(name="64k", title="pages of 64 KiB, as in RHEL", page_size=65536)
POWER8 = Machine(
    name="power8",
    title="POWER8",
    cpu="power8",
    has={"hwcap2": 0x80000000},
    lacks={"hwcap2": 0x800000},
)
TARGET = make_machine_target("debian-13/ppc64le", LARGE)
PLAIN = make_target("debian-13/ppc64le")


def test_names() -> None:
    assert TARGET.key == "debian-13/ppc64le@64k"
    assert (arch_label(TARGET), arch_label(PLAIN)) == ("ppc64le@64k", "ppc64le")
    assert (machine_name(TARGET), machine_name(PLAIN)) == ("64k", "")
    assert plain_key(TARGET) == PLAIN.key
    assert machine_of(PLAIN) is None
    assert LARGE.short_title == "pages of 64 KiB"


def test_variables_ask_the_emulator() -> None:
    assert LARGE.variables == (("QEMU_PAGESIZE", "65536"),)
    assert POWER8.variables == (("QEMU_CPU", "power8"),)


@pytest.mark.parametrize(
    ("machine", "fields", "words"),
    [
        (LARGE, {"page_size": 65536}, ""),
        (LARGE, {"page_size": 4096}, "a page has 4096 bytes there, asked for 65536"),
        (POWER8, {"hwcap2": 0x8E000000}, ""),
        (POWER8, {"hwcap2": 0x8EE00000}, "AT_HWCAP2 is 0x8ee00000 there, which has 0x800000"),
        (POWER8, {"hwcap2": 0}, "AT_HWCAP2 is 0x0 there, which lacks 0x80000000"),
    ],
)
def test_a_session_is_compared_with_its_machine(
    machine: Machine, fields: dict[str, Any], words: str
) -> None:
    assert difference(machine, replace(make_passport("ppc64le"), **fields)) == words


def test_a_recorded_passport_gets_the_page_size_of_the_machine() -> None:
    class Book:
        def recorded(self, target_key: str) -> Passport | None:
            return make_passport("ppc64le") if target_key == PLAIN.key else None

    known = recorded_on(Book(), TARGET)
    assert known is not None
    assert known.page_size == 65536
    level = Machine(name="v1", title="v1", cpu="qemu64", isa_level=1)
    other = make_machine_target("debian-13/x86_64", level)
    assert recorded_on(Book(), other) is None
    assert on_machine(make_passport("x86_64"), other).isa_level == 1
    assert on_machine(make_passport("x86_64"), make_target("a/x86_64")).isa_level == 0


def test_files_of_cells_keep_the_machine() -> None:
    """A cell on a machine and its plain cell are not mixed up."""
    cells = tuple(Cell(target=each, subject=make_subject("ruff")) for each in (PLAIN, TARGET))
    assert load_cells(dump_cells(cells)) == cells
    assert [cell.id for cell in cells] == ["debian-13/ppc64le/ruff", "debian-13/ppc64le@64k/ruff"]
    assert replace(TARGET, title="other").machine == LARGE
