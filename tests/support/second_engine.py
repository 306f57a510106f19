"""A second container engine beside the machine's, which a test may stop, kill and fill up."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors

from tests.support.commands import wait_until

_START_SECONDS = 30
AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]


class SecondEngine:
    """A ``dockerd`` with its own socket, data and containerd, and without a network."""

    def __init__(self, folder: Path, options: tuple[str, ...]) -> None:
        self._folder = folder
        self.data_root = folder / "data"
        self.data_root.mkdir()
        self.socket = str(folder / "d.sock")
        self.host = f"unix://{self.socket}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        words = [
            *("dockerd", "--host", self.host, "--data-root", self.data_root),
            *("--exec-root", self._folder / "exec", "--pidfile", self._folder / "d.pid"),
            *("--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"),
            *self._options,
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*AS_ROOT, *map(str, words)], stdout=log, stderr=subprocess.STDOUT
            )
        wait_until(self._answers, seconds=_START_SECONDS)

    def stop(self) -> None:
        """End it, as a service manager does; its containers end first."""
        if self._process is not None:
            pid = (self._folder / "d.pid").read_text()
            subprocess.run([*AS_ROOT, "kill", pid], check=False)
            self._process.wait(timeout=60)
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        log = (self._folder / "log").read_text(errors="replace")
        assert self._process.poll() is None, f"dockerd ended:\n{log[-2000:]}"
        try:
            client = docker.DockerClient(self.host, timeout=5)
        except docker.errors.DockerException:
            return False
        client.close()
        return True


@contextlib.contextmanager
def second_engine(*options: str, disk: str = "") -> Iterator[SecondEngine]:
    """Run an engine with these options of ``dockerd``; ``disk`` is the size of its data root."""
    assert shutil.which("dockerd"), "no dockerd on this machine: apt-get install docker.io"
    folder = Path(tempfile.mkdtemp(prefix="wg", dir="/tmp"))
    engine = SecondEngine(folder, options)
    if disk:
        small = ["mount", "-t", "tmpfs", "-o", f"size={disk}", "tmpfs", str(engine.data_root)]
        subprocess.run([*AS_ROOT, *small], check=True)
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
        if disk:
            subprocess.run([*AS_ROOT, "umount", "--lazy", engine.data_root], check=True)
        subprocess.run([*AS_ROOT, "rm", "-rf", folder], check=True)
