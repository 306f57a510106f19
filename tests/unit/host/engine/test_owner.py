"""Container owners: this process, a gone one, another machine's."""

import os
import subprocess
import sys

import pytest

from harness.host.engine.owner import OWNER_LABEL, is_orphan, own_label

_LABEL_OF_A_CHILD = (
    "from harness.host.engine.owner import own_label; [label] = own_label().values(); print(label)"
)


def _own() -> str:
    return own_label()[OWNER_LABEL]


def test_own_label_is_no_orphan() -> None:
    """A container of a running process is kept."""
    assert not is_orphan(_own())


def test_label_of_an_ended_process_is_an_orphan() -> None:
    """A container of an ended process is removed."""
    label = subprocess.run(
        [sys.executable, "-c", _LABEL_OF_A_CHILD], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert is_orphan(label)


@pytest.mark.skipif(sys.platform != "linux", reason="start times of processes are read in /proc")
def test_reused_process_id_is_an_orphan() -> None:
    """The start time distinguishes processes with the same id."""
    head, _, started = _own().rpartition(":")
    assert is_orphan(f"{head}:{int(started) - 1}")


def test_label_of_another_boot_is_an_orphan() -> None:
    """No process survives a reboot."""
    machine, _, process = _own().split(" ")
    assert is_orphan(f"{machine} another-boot {process}")


def test_label_of_another_machine_is_no_orphan() -> None:
    """An engine may serve several machines, whose processes are unknown here."""
    _, boot, _ = _own().split(" ")
    assert not is_orphan(f"another-machine {boot} 1:1")


def test_label_without_a_process_is_an_orphan() -> None:
    """A label of this machine and boot must name a process."""
    machine, boot, _ = _own().split(" ")
    assert is_orphan(f"{machine} {boot} {os.getpid()}")
    assert is_orphan(f"{machine} {boot} nobody")
