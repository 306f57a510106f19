"""Describe the instruction that ended a cell by SIGILL (pure)."""

from dataclasses import replace

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.observations import CELL_SITE
from harness.probe.answers import Fault
from harness.probe.confirmation import Attempts
from harness.probe.jobs import ProbeResult


def located(result: ProbeResult, attempts: Attempts, arch: Arch) -> ProbeResult:
    """Return the crash with the instruction and its file, if an attempt reported them."""
    faults = [attempt.fault for _, attempt in attempts if attempt.fault]
    if result.cause != Cause.ILLEGAL_INSTRUCTION or not faults:
        return result
    return replace(result, evidence=f"{result.evidence}; {_described(faults[-1], arch)}")


def _described(fault: Fault, arch: Arch) -> str:
    if fault.unknown:
        return fault.unknown
    if not fault.file:
        return f"the instruction is at {fault.address:#x}, in no file"
    code = instruction(arch, bytes.fromhex(fault.code))
    file = fault.file.removeprefix(CELL_SITE)
    return f"the instruction {code.hex(' ')} is at {file}+{fault.offset:#x}"


def instruction(arch: Arch, code: bytes) -> bytes:
    """Return the bytes of the first instruction; on x86, where they vary, all that it may have.

    Sources: Power ISA 3.1, 1.6.3 (prefixes); z/Architecture Principles of Operation, "Instruction
    Formats"; RISC-V unprivileged ISA, "Base Instruction-Length Encoding".
    """
    first = code[0] if code else 0
    match arch.name:
        case "ppc64le":
            size = 8 if code[3:4] and code[3] >> 2 == 1 else 4
        case "s390x":
            size = (2, 4, 4, 6)[first >> 6]
        case "riscv64":
            size = 4 if first & 3 == 3 else 2  # noqa: PLR2004
        case "aarch64" | "armv7l":
            size = 4
        case _:
            size = 15
    return code[:size]
