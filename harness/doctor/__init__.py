"""The doctor: is this machine able to run the matrix, and what would mend it."""

from harness.doctor.check import Check, Part, checks_json, format_checks, is_ready
from harness.doctor.checks import run_checks
from harness.doctor.emulation import emulator_version
from harness.doctor.fix import mend

__all__ = [
    "Check",
    "Part",
    "checks_json",
    "emulator_version",
    "format_checks",
    "is_ready",
    "mend",
    "run_checks",
]
