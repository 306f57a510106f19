"""The doctor checks whether this machine can run the matrix, and installs what is missing."""

from harness.host.doctor.check import Check, MachinePart, checks_json, format_checks, is_ready
from harness.host.doctor.checks import run_checks
from harness.host.doctor.emulation import emulator_version
from harness.host.doctor.fix import fix_machine

__all__ = [
    "Check",
    "MachinePart",
    "checks_json",
    "emulator_version",
    "fix_machine",
    "format_checks",
    "is_ready",
    "run_checks",
]
