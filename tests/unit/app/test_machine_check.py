"""Machines that are not available are errors before anything runs."""

import os

import pytest

from harness.app.machine_check import check_machines
from harness.core.errors import UsageError
from harness.core.machines import Machine
from tests.support.targets import make_machine_target, make_target


def test_a_page_size_below_that_of_this_machine() -> None:
    here = os.sysconf("SC_PAGE_SIZE")
    small = Machine(name="small", title="small", page_size=here // 2)
    with pytest.raises(UsageError, match=f"pages of {here // 2} bytes are smaller than") as caught:
        check_machines([make_machine_target("a/aarch64", small), make_target("a/aarch64")])
    assert "machine small on aarch64" in str(caught.value)


def test_page_sizes_of_this_machine_and_above_are_not_asked_of_an_emulator() -> None:
    for factor in (1, 4):
        large = Machine(name="x", title="x", page_size=factor * os.sysconf("SC_PAGE_SIZE"))
        check_machines([make_machine_target("a/aarch64", large)])
