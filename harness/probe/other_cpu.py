"""Another CPU model of the emulator, to tell its own bugs from crashes of a wheel (pure).

Emulators have bugs that no hardware has. They are often in the translation of some instructions,
which programs use or not by what the CPU model says that it can do. So a crash that another model
does not give is no verdict on the wheel.
"""

from dataclasses import dataclass, replace

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.observations import AttemptMode
from harness.probe.confirmation import Attempts
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


def cpu_variables(arch: Arch) -> tuple[tuple[str, str], ...]:
    """Return the environment variables that choose the other CPU model."""
    return (("QEMU_CPU", OTHER_CPUS[arch.name].model),)


def compared_crash(crash: ProbeResult, attempts: Attempts, arch: Arch, model: str) -> ProbeResult:
    """Return a confirmed crash under the CPU ``model``, compared with the last attempt.

    An instruction that the first model lacks and a superset has is the wheel's own. Nothing is
    said if the other attempt is a miss.
    """
    mode, other = attempts[-1]
    if mode is not AttemptMode.OTHER_CPU or other.outcome in (Outcome.CRASHED, Outcome.MISS):
        return crash
    cpu = OTHER_CPUS[arch.name]
    lacking = cpu.superset and "SIGILL" in crash.evidence
    seen = " ".join(part for part in (other.outcome, other.evidence) if part)
    return replace(
        crash,
        cause=Cause.ILLEGAL_INSTRUCTION if lacking else Cause.EMULATOR_SUSPECT,
        evidence=f"{crash.evidence} with the emulator's CPU {model or 'by default'}; "
        f"with QEMU_CPU={cpu.model}: {seen}",
    )
