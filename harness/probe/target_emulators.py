"""Which emulator runs the interpreter of a target.

It is that of the engine's machine. For a CPU model of that machine's own arch it is a static
program, which is sent into the container.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from harness.core.arches import Arch
from harness.core.machines import machine_of
from harness.core.targets import Target


class StaticProgram(Protocol):
    """An emulator that is sent into the container (``harness.host.static_emulator``)."""

    @property
    def path(self) -> Path: ...

    @property
    def version(self) -> str: ...

    def program(self) -> bytes: ...


class TargetEmulators:
    """The emulators of one engine; every method raises ``MachineError`` if one is not installed."""

    def __init__(
        self, version: Callable[[Arch], str], static: Callable[[Arch], StaticProgram]
    ) -> None:
        self._version = version
        """Version of the engine's emulator for an arch; empty on a native arch."""
        self._static = static

    def version(self, target: Target) -> str:
        """Return the version of the emulator that runs the target; empty if none does."""
        if self.is_carried(target):
            return self._static(target.arch).version
        return self._version(target.arch)

    def is_carried(self, target: Target) -> bool:
        """Whether a native interpreter must be emulated, for the machine that is asked for."""
        return machine_of(target) is not None and not self._version(target.arch)

    def carried_path(self, target: Target) -> str:
        """Return the path of the static emulator that runs the target; empty if none does."""
        return str(self._static(target.arch).path) if self.is_carried(target) else ""

    def carried_program(self, target: Target) -> bytes:
        """Return the bytes of the static emulator that runs the target; empty if none does."""
        return self._static(target.arch).program() if self.is_carried(target) else b""
