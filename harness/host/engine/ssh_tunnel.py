"""One ``ssh`` process for each engine behind SSH: it forwards a Unix socket to the engine's.

A process's children use its tunnels, so that a run logs in once for each engine. The user's own
``ssh`` decides about keys, agents and jump hosts. It may ask nothing, and a host key that it does
not know is refused.
"""

import atexit
import contextlib
import json
import os
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness.core.engine_places import engine_title, login_words, split_address
from harness.core.errors import EngineError
from harness.host.process import ProcessError, RunningProcess, end_with_parent, start_process

SOCKETS = "WHEELGRID_SSH_SOCKETS"
"""Environment variable: a JSON object of addresses and the sockets of the parent's tunnels."""
REMOTE_SOCKET = "/var/run/docker.sock"
LOGIN_SECONDS = 20.0
ALIVE_SECONDS = 5
"""Between two questions whether the connection lives; the third without an answer ends it."""
TICK = 0.05
_OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "ExitOnForwardFailure": "yes",
    "ConnectTimeout": "10",
    "ServerAliveInterval": str(ALIVE_SECONDS),
    "ControlMaster": "no",  # one that the user opened may be used, and none is left behind
}
_CAUSES = {
    "HOST IDENTIFICATION HAS CHANGED": (
        "its host key is another one than before: somebody may pose as it. If the machine was "
        "set up anew, remove the old key with `ssh-keygen -R {key}`"
    ),
    "Host key verification failed": (
        "its host key is unknown. Compare it with the machine's own (`ssh-keyscan {at} | "
        "ssh-keygen -lf -`), then accept it with `{login}`"
    ),
    "Permission denied": (
        "it refuses the login, and nothing can be asked here. Load the key into an agent "
        "(`ssh-add`), or name it in ~/.ssh/config; `{login} true` must work without a question"
    ),
}
"""Parts of ssh's messages, and what they mean."""


@dataclass(kw_only=True, slots=True)
class _Tunnel:
    socket: Path
    process: RunningProcess
    log: Path
    held: contextlib.ExitStack


_TUNNELS: dict[str, _Tunnel] = {}
"""The open tunnels of this process, by address."""


def socket_through_ssh(address: str) -> Path:
    """Return the local socket of the engine at ``ssh://…``; log in if nothing is connected yet.

    The connection is held until this process ends. Raises ``EngineError`` with the next step.
    """
    tunnel = _TUNNELS.get(address)
    if tunnel is not None:
        if tunnel.process.status() is None:
            return tunnel.socket
        close_tunnel(address)
    inherited = _inherited().get(address)
    if inherited and _accepts(Path(inherited)):
        return Path(inherited)
    tunnel = _TUNNELS[address] = _connect(address)
    os.environ[SOCKETS] = json.dumps({**_inherited(), address: str(tunnel.socket)})
    return tunnel.socket


def close_tunnel(address: str) -> None:
    """End the ssh process of this process for an address, if any."""
    if tunnel := _TUNNELS.pop(address, None):
        tunnel.held.close()
        left = {known: path for known, path in _inherited().items() if known != address}
        os.environ[SOCKETS] = json.dumps(left)


def ssh_words(address: str, local: Path) -> list[str]:
    """Return the command line that forwards ``local`` to the engine's socket. Pure."""
    parts = split_address(address)
    words = ["ssh", "-N", "-T"]
    words += [word for key, value in _OPTIONS.items() for word in ("-o", f"{key}={value}")]
    words += ["-p", str(parts.port)] if parts.port else []
    words += ["-l", parts.username] if parts.username else []
    remote = parts.path.rstrip("/") or REMOTE_SOCKET
    return [*words, "-L", f"{local}:{remote}", "--", parts.hostname or ""]


def refusal_of_ssh(address: str, said: str) -> str:
    """Return what is wrong, from the output of an ssh that ended, with the next step. Pure."""
    parts, login = split_address(address), login_words(address)
    at = f"-p {parts.port} {parts.hostname}" if parts.port else parts.hostname
    key = f"[{parts.hostname}]:{parts.port}" if parts.port else parts.hostname
    for part, meaning in _CAUSES.items():
        if part in said:
            why = meaning.format(login=login, at=at, key=key)
            return f"{engine_title(address)}: {why}"
    lines = [line.strip() for line in said.split("\n") if line.strip()]
    why = lines[-1] if lines else f"no login within {LOGIN_SECONDS:.0f} s"
    return f"{engine_title(address)}: ssh cannot connect: {why}; try `{login} true`"


def main() -> None:
    """Run the words of the command line, and end them when the parent is gone."""
    end_with_parent()
    sys.exit(os.spawnvp(os.P_WAIT, sys.argv[1], sys.argv[1:]))  # noqa: S606 - words, no shell


def _connect(address: str) -> _Tunnel:
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="wheelgrid-ssh-")))
        local, log = folder / "d.sock", folder / "log"
        try:
            process = held.enter_context(
                start_process([*_own_words(), *ssh_words(address, local)], output=log)
            )
        except ProcessError as error:
            raise EngineError(f"{engine_title(address)}: {error.reason}") from error
        deadline = time.monotonic() + LOGIN_SECONDS
        while not _accepts(local):
            if process.status() is not None or time.monotonic() > deadline:
                raise EngineError(refusal_of_ssh(address, log.read_text(errors="replace")))
            time.sleep(TICK)
        tunnel = _Tunnel(socket=local, process=process, log=log, held=held.pop_all())
    atexit.register(close_tunnel, address)
    return tunnel


def _own_words() -> list[str]:
    """Return the start of a command line that ``main`` runs, with the modules of this process."""
    root = str(Path(__file__).parents[3])  # an editable install needs it without `site`
    code = f"import sys; sys.path[:] = {[*sys.path, root]!r}; "
    return [sys.executable, "-P", "-S", "-c", f"{code}from {__name__} import main; main()"]


def _inherited() -> dict[str, str]:
    found: dict[str, str] = json.loads(os.environ.get(SOCKETS) or "{}")
    return found


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
