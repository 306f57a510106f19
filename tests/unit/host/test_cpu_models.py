"""The answers of emulators to ``-cpu help``."""

import pytest

from harness.host.cpu_models import parse_models

ARM = "Available CPUs:\n  a64fx\n  cortex-a72\n  max\n"
POWER = """\
PowerPC power8_v2.0      PVR 004d0200
PowerPC power8           (alias for power8_v2.0)
"""
Z = """\
s390 z13-base        IBM z13 GA1                         (static, migration-safe)
s390 z13             IBM z13 GA1                         (migration-safe)

Recognized feature flags (subset of features):
dfp                  Decimal Floating-Point
"""
INTEL = """\
Available CPUs:
x86 Nehalem-v1            Intel Core i7 9xx (Nehalem Class Core i7)
x86 max                   Enables all features supported by the accelerator

Recognized CPUID flags:
  3dnow
"""
RISCV = "any\nrv64\n"


@pytest.mark.parametrize(
    ("answer", "models"),
    [
        (ARM, ("a64fx", "cortex-a72", "max")),
        (POWER, ("power8_v2.0", "power8")),
        (Z, ("z13-base", "z13")),
        (INTEL, ("Nehalem-v1", "max")),
        (RISCV, ("any", "rv64")),
        ("", ()),
    ],
)
def test_models_of_each_family(answer: str, models: tuple[str, ...]) -> None:
    assert parse_models(answer) == models
