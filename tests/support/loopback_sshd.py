"""A real ``sshd`` on loopback with keys of its own, and an ``ssh`` that knows them.

Tests put ``SshServer.path`` first in ``PATH``: its ``ssh`` is the machine's, with another
configuration than the user's, which tests must not touch.
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.commands import wait_until

_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile {folder}/pid
AuthorizedKeysFile {folder}/user.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
LogLevel VERBOSE
"""
_CLIENT = """\
Host *
  IdentityFile {folder}/user
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known
  GlobalKnownHostsFile none
"""


class SshServer:
    """A running server."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.path = folder / "bin"
        self.address = f"ssh://{getpass.getuser()}@127.0.0.1:{port}"

    def know_host(self) -> None:
        """Let the client know the server's key."""
        key = (self.folder / "host.pub").read_text()
        (self.folder / "known").write_text(f"[127.0.0.1]:{self.port} {key}")

    def forget_host(self) -> None:
        (self.folder / "known").write_text("")

    def logins(self) -> int:
        """Return how often somebody logged in."""
        return (self.folder / "log").read_text().count("Accepted publickey")


@contextlib.contextmanager
def ssh_server() -> Iterator[SshServer]:
    """Run a server whose key the client knows."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    assert sshd, "no sshd on this machine: `wheelgrid doctor --fix --tests` installs it"
    folder = Path(tempfile.mkdtemp(prefix="wg-ssh-", dir="/tmp"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = SshServer(folder, free.getsockname()[1])
    for name in ("host", "user"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(words, check=True)
    (folder / "sshd.conf").write_text(_CONFIG.format(folder=folder, port=server.port))
    (folder / "ssh.conf").write_text(_CLIENT.format(folder=folder))
    server.path.mkdir()
    client = server.path / "ssh"
    client.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh.conf "$@"\n')
    client.chmod(0o755)
    server.know_host()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # what its service makes
    words = [sshd, "-D", "-f", str(folder / "sshd.conf"), "-E", str(folder / "log")]
    process = subprocess.Popen(words)
    try:
        wait_until(lambda: _listens(server.port), seconds=10)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
