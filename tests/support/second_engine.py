"""A second container engine beside the machine's, which a test may stop, kill and fill up."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors

from harness.core.arches import Arch
from tests.support.commands import wait_until
from tests.support.emulating_runtime import write_runtime

_START_SECONDS = 30
AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]


class SecondEngine:
    """A ``dockerd`` with its own socket, data, containerd and network name space.

    With ``--bridge=none`` it removes ``docker0``, which the machine's engine needs in the other.
    """

    def __init__(
        self,
        folder: Path,
        options: tuple[str, ...],
        remap: bool = False,
        certificates: Path | None = None,
    ) -> None:
        self._folder = folder
        self.data_root = folder / "data"
        self.data_root.mkdir()
        self.socket = str(folder / "d.sock")
        self.host = f"unix://{self.socket}"
        self._options = options
        self._remap = remap
        self._certificates = certificates
        self.tls_host = ""
        """Its address on loopback, if it has certificates: ``tcp://127.0.0.1:PORT``."""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        words = [
            *("dockerd", "--host", self.host, "--data-root", self.data_root),
            *("--exec-root", self._folder / "exec", "--pidfile", self._folder / "d.pid"),
            *("--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"),
            *self._options,
        ]
        with (self._folder / "log").open("ab") as log, contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.socket()) if self._certificates else None
            words += self._tls_words(listener) if listener else []
            self._process = subprocess.Popen(
                [*AS_ROOT, *self._mounted(listener), *map(str, words)],
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(listener.fileno(),) if listener else (),
            )
        wait_until(self._answers, seconds=_START_SECONDS)

    def _tls_words(self, listener: socket.socket) -> list[object]:
        """Return the options for a socket of this name space, which the engine inherits."""
        at = ("127.0.0.1", int(self.tls_host.rpartition(":")[2] or 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(at)
        listener.listen()
        self.tls_host = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        files = {"cacert": "ca.pem", "cert": "cert.pem", "key": "key.pem"}
        folder = self._certificates
        named = [
            word for name, file in files.items() for word in (f"--tls{name}", f"{folder}/{file}")
        ]
        return ["--host", "fd://", "--tlsverify", *named]

    def _mounted(self, listener: socket.socket | None) -> list[str]:
        """Return a prefix that changes files of the machine for this engine alone."""
        mounts = []
        if listener:  # sd_listen_fds(3)
            mounts += [f"exec 3<&{listener.fileno()}", "export LISTEN_FDS=1 LISTEN_PID=$$"]
        if self._remap:
            ids = self._folder / "subid"
            ids.write_text("nobody:300000:65536\nnogroup:300000:65536\n")
            mounts += [f"mount --bind {ids} /etc/{name}" for name in ("subuid", "subgid")]
        # crun runs on cgroups of one version, and a machine may have both.
        both = Path("/sys/fs/cgroup/unified")
        mounts += [f"umount {both}"] if both.is_dir() else []
        script = " && ".join([*mounts, 'exec "$@"'])
        return ["unshare", "-m", "-n", "bash", "-c", script, "bash"]  # sh knows nine descriptors

    def stop(self) -> None:
        """End it, as a service manager does; its containers end first."""
        if self._process is not None:
            if self._process.poll() is None:
                pid = (self._folder / "d.pid").read_text()
                subprocess.run([*AS_ROOT, "kill", pid], check=True)
                self._process.wait(timeout=60)
            self._process = None

    def kill(self) -> None:
        """Kill it and its containerd without a cleanup; its containers go on."""
        assert self._process is not None
        files = (self._folder / "d.pid", self._folder / "exec/containerd/containerd.pid")
        pids = [file.read_text() for file in files]
        subprocess.run([*AS_ROOT, "kill", "-9", *pids], check=True)
        # Where nobody waits for it, the killed process keeps its id, and counts as running.
        subprocess.run([*AS_ROOT, "rm", *map(str, files)], check=True)
        self._process.wait(timeout=10)
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
def second_engine(
    *options: str,
    disk: str = "",
    remap: bool = False,
    certificates: Path | None = None,
    emulated: Arch | None = None,
) -> Iterator[SecondEngine]:
    """Run an engine with these options of ``dockerd``.

    With ``certificates`` (see ``tls_folder``) it also listens to clients with TLS on loopback.
    ``disk`` is the size of its data root; with ``remap`` nobody and nogroup get ids to remap
    others to. It runs programs of ``emulated`` under QEMU, even if that is its own arch.
    """
    assert shutil.which("dockerd"), "no dockerd on this machine: apt-get install docker.io"
    folder = Path(tempfile.mkdtemp(prefix="wg", dir="/tmp"))
    folder.chmod(0o711)  # remapped users pass through it
    if emulated:
        runtime = write_runtime(folder / "emulating", emulated)
        options += (f"--add-runtime=emulating={runtime}", "--default-runtime=emulating")
    engine = SecondEngine(folder, options, remap, certificates)
    if disk:
        small = ["mount", "-t", "tmpfs", "-o", f"size={disk}", "tmpfs", str(engine.data_root)]
        subprocess.run([*AS_ROOT, *small], check=True)
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
        for place in reversed(_mounts_below(folder)):
            subprocess.run([*AS_ROOT, "umount", "--lazy", place], check=True)
        subprocess.run([*AS_ROOT, "rm", "-rf", folder], check=True)


def _mounts_below(folder: Path) -> list[str]:
    places = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [place for place in places if place.startswith(f"{folder}/")]
