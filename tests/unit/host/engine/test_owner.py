"""Whose container it is: this process's, a dead one's, another machine's."""

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


def test_this_process_lives() -> None:
    """A container of a run that goes on is nobody's orphan."""
    assert not is_orphan(_own())


def test_an_ended_process_leaves_orphans() -> None:
    """A container of a process that is gone is an orphan."""
    label = subprocess.run(
        [sys.executable, "-c", _LABEL_OF_A_CHILD], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert is_orphan(label)


@pytest.mark.skipif(sys.platform != "linux", reason="start times of processes are read in /proc")
def test_an_id_that_is_used_again() -> None:
    """A process that has the id of another is told from it by its start."""
    head, _, started = _own().rpartition(":")
    assert is_orphan(f"{head}:{int(started) - 1}")


def test_another_boot() -> None:
    """No process survives its machine's restart."""
    machine, _, process = _own().split(" ")
    assert is_orphan(f"{machine} another-boot {process}")


def test_another_machine() -> None:
    """Of another machine's processes nothing is known: an engine may serve several."""
    _, boot, _ = _own().split(" ")
    assert not is_orphan(f"another-machine {boot} 1:1")


def test_a_label_that_is_not_ours() -> None:
    """A label of this machine and boot that names no process is an orphan's."""
    machine, boot, _ = _own().split(" ")
    assert is_orphan(f"{machine} {boot} {os.getpid()}")
    assert is_orphan(f"{machine} {boot} nobody")
