"""Machines: the CPU model and the page size that a target is probed with, beside its arch."""

import re
from dataclasses import dataclass, field, replace
from typing import Protocol

from harness.core.passport import Passport
from harness.core.targets import Target

AUXILIARY = ("hwcap", "hwcap2")
"""The entries of the auxiliary vector that distinguish CPUs (getauxval(3))."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A CPU model of QEMU, a page size, or both."""

    name: str
    """Part of the cell ids, after ``@``: ``power8``, ``64k``."""
    title: str
    cpu: str = ""
    """As QEMU takes it: ``power8``, ``rv64,v=true``. Empty: the model of the plain target."""
    page_size: int = 0
    """Bytes; 0: that of the plain target."""
    isa_level: int = 0
    """The x86-64 level of the CPU, 1 to 4 (x86-64 psABI, "Micro-Architecture Levels"); else 0."""
    has: dict[str, int] = field(default_factory=dict)
    """Entry of the auxiliary vector → bits that it must have."""
    lacks: dict[str, int] = field(default_factory=dict)
    """Entry of the auxiliary vector → bits that it must not have."""
    source: str = ""
    """Why this model stands for this baseline: a link."""

    @property
    def short_title(self) -> str:
        """The title up to its first comma or semicolon."""
        return re.split("[,;]", self.title)[0]

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """The environment variables that ask the emulator for this machine."""
        page = str(self.page_size) if self.page_size else ""
        given = (("QEMU_CPU", self.cpu), ("QEMU_PAGESIZE", page))
        return tuple((name, value) for name, value in given if value)


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineTarget(Target):
    """A target on a machine that is asked for. Its image is that of the plain target.

    A class of its own, since cached interpreters depend on the code of ``core.targets``.
    """

    machine: Machine

    @property
    def key(self) -> str:
        """``<target>/<arch>@<machine>``."""
        return f"{self.id}/{self.arch_name}@{self.machine.name}"


AnyTarget = MachineTarget | Target
"""A target in a file: a reader distinguishes the two classes by their fields."""


def machine_of(target: Target) -> Machine | None:
    """Return the machine that is asked for; None for a plain target."""
    return target.machine if isinstance(target, MachineTarget) else None


def machine_name(target: Target) -> str:
    """Return the name of the machine that is asked for; empty for a plain target."""
    machine = machine_of(target)
    return machine.name if machine else ""


def arch_label(target: Target) -> str:
    """Return the arch with its machine: ``aarch64@64k``."""
    return target.key.partition("/")[2]


def plain_key(target: Target) -> str:
    """Return the key of the same target without a machine."""
    return f"{target.id}/{target.arch_name}"


class RecordedPassports(Protocol):
    """Recorded passports of plain targets, by key."""

    def recorded(self, target_key: str) -> Passport | None: ...


def recorded_on(passports: RecordedPassports, target: Target) -> Passport | None:
    """Return the recorded passport of a target, as it is on its machine; None without one."""
    passport = passports.recorded(plain_key(target))
    return on_machine(passport, target) if passport else None


def on_machine(passport: Passport, target: Target) -> Passport:
    """Return the passport of the plain target as it is on the machine, as far as known."""
    machine = machine_of(target)
    if machine is None:
        return passport
    return replace(
        passport,
        page_size=machine.page_size or passport.page_size,
        isa_level=machine.isa_level,
    )


def difference(machine: Machine, passport: Passport) -> str:
    """Return how a session differs from the machine that was asked for; empty if it does not."""
    if machine.page_size and passport.page_size != machine.page_size:
        return f"a page has {passport.page_size} bytes there, asked for {machine.page_size}"
    for words, masks, wanted in (("lacks", machine.has, True), ("has", machine.lacks, False)):
        for name, mask in masks.items():
            value: int = getattr(passport, name)
            if wrong := (mask & ~value) if wanted else (mask & value):
                return f"AT_{name.upper()} is {value:#x} there, which {words} {wrong:#x}"
    return ""
