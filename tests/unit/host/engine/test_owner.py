"""Container owners: this process, a gone one, and those of others."""

import os
import shutil
import subprocess
import sys

import pytest

from harness.host.engine import owner
from harness.host.engine.owner import OWNER_LABEL, is_orphan, own_label

_LABEL_OF_A_CHILD = (
    "from harness.host.engine.owner import own_label; [label] = own_label().values(); print(label)"
)
_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="processes are read in /proc")


def _own() -> str:
    return own_label()[OWNER_LABEL]


def _label_by(*prefix: str) -> str:
    """Return the label of a process that ended, started by the words of ``prefix``."""
    words = [*prefix, sys.executable, "-c", _LABEL_OF_A_CHILD]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_own_label_is_no_orphan() -> None:
    """A container of a running process is kept."""
    assert not is_orphan(_own(), running=True)
    assert not is_orphan(_own(), running=False)


def test_label_of_an_ended_process_is_an_orphan() -> None:
    """A container of an ended process is removed."""
    assert is_orphan(_label_by(), running=True)


@_LINUX
def test_reused_process_id_is_an_orphan() -> None:
    """The start time distinguishes processes with the same id."""
    head, _, started = _own().rpartition(":")
    assert is_orphan(f"{head}:{int(started) - 1}", running=True)


@pytest.mark.parametrize(("running", "orphan"), [(False, True), (True, False)])
def test_label_of_another_boot(running: bool, orphan: bool) -> None:
    """No process survives a reboot; a running container is that of a host with the same id."""
    machine, user, _, namespace, process = _own().split(" ")
    label = f"{machine} {user} another-boot {namespace} {process}"
    assert is_orphan(label, running=running) == orphan


@pytest.mark.parametrize("part", [0, 1, 3], ids=["machine", "user", "namespace"])
def test_label_of_others_is_no_orphan(part: int) -> None:
    """The ids of their processes mean nothing here."""
    parts = _label_by().split(" ")
    assert is_orphan(" ".join(parts), running=False)
    parts[part] = "another"
    assert not is_orphan(" ".join(parts), running=False)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root has namespaces")
def test_process_of_another_namespace_or_user_is_no_orphan() -> None:
    """It ended, but another process there may use its container."""
    unshare = shutil.which("unshare")
    assert unshare, "no unshare: apt-get install util-linux"
    assert not is_orphan(_label_by(unshare, "--pid", "--fork", "--mount-proc"), running=False)
    parts = _label_by().split(" ")
    parts[1] = "12345"
    assert not is_orphan(" ".join(parts), running=True)


@_LINUX
def test_unreadable_processes_are_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``hidepid``, or without ``/proc``, an ended process looks like a hidden one."""
    ended = _label_by()
    monkeypatch.setattr(owner, "_started", lambda _: "unknown")
    assert not is_orphan(ended, running=True)


@_LINUX
def test_hidden_process_of_this_user_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be read but gets signals is alive."""
    head, _, _ = _own().rpartition(" ")
    parent = os.getppid()
    read = owner._started
    monkeypatch.setattr(owner, "_started", lambda pid: "unknown" if pid == parent else read(pid))
    assert not is_orphan(f"{head} {parent}:1", running=True)


@pytest.mark.parametrize("text", ["", "nobody", "a b c", "a b c d e f"])
def test_label_in_another_form_is_no_orphan(text: str) -> None:
    """Other releases write other labels."""
    assert not is_orphan(text, running=False)


def test_label_without_a_process_is_no_orphan() -> None:
    """It names nobody who could be gone."""
    head, _, _ = _own().rpartition(" ")
    assert not is_orphan(f"{head} {os.getpid()}", running=True)
    assert not is_orphan(f"{head} nobody", running=True)


@_LINUX
def test_start_of_no_process_is_unknown() -> None:
    """No file and no right look the same."""
    assert owner._started(2**22 + 1) == "unknown"
