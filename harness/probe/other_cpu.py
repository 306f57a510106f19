"""Compare a crash under emulation with other attempts: is it the emulator's bug, or the wheel's?

Emulators have bugs that no hardware has. They are often in the translation of some instructions,
which programs use or not by what the CPU model says that it can do. So a crash that another model
does not give is no verdict on the wheel. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.observations import AttemptMode
from harness.probe.confirmation import COMPARED, Attempts
from harness.probe.jobs import ProbeResult


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherCpu:
    """A CPU model (``qemu-<arch> -cpu help``)."""

    model: str
    superset: bool
    """Whether it has every instruction of the model that cells are measured with."""


# The models that cells are measured with are those of `core.arches`, else the defaults in
# https://gitlab.com/qemu-project/qemu/-/tree/master/linux-user (`cpu_get_model` in each
# target_elf.h): any or max on Arm, POWER9, qemu on s390x, any or rv64 or max on RISC-V.
# `max`: https://www.qemu.org/docs/master/system/arm/cpu-features.html ("all features that QEMU can
# emulate"); on s390x, `qemu-s390x -cpu help` says the same. x86's `max`:
# https://www.qemu.org/docs/master/system/i386/cpu.html
OTHER_CPUS = {
    "aarch64": OtherCpu(model="max", superset=True),
    # Armv7-A with VFPv4 and NEON, without the instructions of Armv8.
    "armv7l": OtherCpu(model="cortex-a15", superset=False),
    # Power ISA 3.1 has all of 3.0 (its preface, "Summary of changes").
    "ppc64le": OtherCpu(model="power10", superset=True),
    "s390x": OtherCpu(model="max", superset=True),
    "riscv64": OtherCpu(model="rv64", superset=False),
    "x86_64": OtherCpu(model="max", superset=True),
    "i686": OtherCpu(model="max", superset=True),
}


_SILENT = frozenset(
    {
        Outcome.MISS,
        Outcome.REFUSED,
        Outcome.INSTALL_FAILED,
        Outcome.IMPORT_FAILED,
        Outcome.TIMEOUT,
    }
)
"""Outcomes of an attempt that may have ended before the crash."""


def cpu_variables(arch: Arch) -> tuple[tuple[str, str], ...]:
    """Return the environment variables that choose the other CPU model."""
    return (("QEMU_CPU", OTHER_CPUS[arch.name].model),)


def compared_crash(
    crash: ProbeResult, attempts: Attempts, arch: Arch, model: str, native: str
) -> ProbeResult:
    """Return a confirmed crash under the CPU ``model``, compared with what came after it.

    An instruction that the first model lacks and a superset has is the wheel's own. So is a
    signal that the wheel for this machine's arch (``native``) gets as well. The outcomes of all
    attempts are in the evidence that came as far as the crash.
    """
    others = {mode: r for mode, r in attempts if mode in COMPARED and r.outcome not in _SILENT}
    if not others:
        return crash
    cpu = OTHER_CPUS[arch.name]
    names = {
        AttemptMode.OTHER_CPU: f"with QEMU_CPU={cpu.model}",
        AttemptMode.NATIVE_ARCH: f"natively on {native}",
    }
    seen = [f"{names[mode]}: {_outcome(result)}" for mode, result in others.items()]
    first = f"{crash.evidence} with the emulator's CPU {model or 'by default'}"
    return replace(crash, cause=_cause(crash, others, cpu), evidence="; ".join((first, *seen)))


def _cause(crash: ProbeResult, others: Mapping[AttemptMode, ProbeResult], cpu: OtherCpu) -> str:
    other, native = (others.get(mode, crash) for mode in COMPARED)
    if other.outcome is not Outcome.CRASHED and cpu.superset and _signal(crash) == "SIGILL":
        return Cause.ILLEGAL_INSTRUCTION
    if AttemptMode.NATIVE_ARCH in others and _signal(native) == _signal(crash):
        return crash.cause
    all_crash = other.outcome is native.outcome is Outcome.CRASHED
    return crash.cause if all_crash else Cause.EMULATOR_SUSPECT


def _signal(result: ProbeResult) -> str:
    """Return the name of the signal in the evidence, or empty."""
    found = re.search(r"\bSIG[A-Z]+\b", result.evidence)
    return found[0] if found and result.outcome is Outcome.CRASHED else ""


def _outcome(result: ProbeResult) -> str:
    return " ".join(part for part in (result.outcome, result.evidence) if part)
