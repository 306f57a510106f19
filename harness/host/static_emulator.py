"""Emulators of this machine's own arch, for CPU models: static programs that need no handler."""

import re
import shutil
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

from harness.core.arches import Arch
from harness.core.errors import MachineError
from harness.host.process import ProcessError, run_process

_SECONDS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class StaticEmulator:
    """A static ``qemu-<arch>`` of this machine."""

    path: Path
    version: str
    """``7.2.22``."""

    def program(self) -> bytes:
        """Return its bytes, which are sent into the container."""
        return _bytes(self.path)


@once
def find_static_emulator(arch: Arch) -> StaticEmulator:
    """Return the emulator. Raises ``MachineError`` if it is not installed."""
    name = f"qemu-{arch.qemu}-static"
    found = shutil.which(name)
    if found is None:
        raise MachineError(
            f"a CPU model of {arch.name}, which is this machine's own arch, needs {name}; "
            "install it (Debian: qemu-user-static)"
        )
    try:
        answer = run_process([found, "--version"], timeout=_SECONDS).decode("ascii", "replace")
    except ProcessError as error:
        raise MachineError(f"{found} does not run: {error.reason}") from error
    version = re.match(r"qemu-\S+ version (\S+)", answer)
    return StaticEmulator(path=Path(found), version=version[1] if version else "unknown")


@once
def _bytes(path: Path) -> bytes:
    return path.read_bytes()
