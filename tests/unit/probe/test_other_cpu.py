"""Crashes under emulation, compared with those under another CPU model."""

import pytest

from harness.core.arches import ARCHES, find_arch
from harness.core.cells import Outcome, Stage
from harness.core.observations import AttemptMode
from harness.probe.jobs import ProbeResult
from harness.probe.other_cpu import OTHER_CPUS, compared_crash, cpu_variables


def _result(outcome: str, evidence: str = "", cause: str = "") -> ProbeResult:
    return ProbeResult(
        outcome=Outcome(outcome),
        stage=Stage.IMPORT,
        cause=cause,
        evidence=evidence,
        log="",
        seconds=1.0,
    )


SEGV = _result("crashed", "killed by SIGSEGV", "signal")
ILL = _result("crashed", "killed by SIGILL", "signal")
PASS = _result("pass")
FAILED = _result("import-failed", "no such symbol")


def test_every_arch_has_another_cpu() -> None:
    """It is not the one that its cells are measured with."""
    assert set(OTHER_CPUS) == {arch.name for arch in ARCHES}
    for arch in ARCHES:
        assert dict(arch.qemu_env).get("QEMU_CPU") != dict(cpu_variables(arch))["QEMU_CPU"]


@pytest.mark.parametrize(
    ("arch", "crash", "other", "cause"),
    [
        ("aarch64", SEGV, PASS, "emulator-suspect"),
        ("aarch64", SEGV, FAILED, "emulator-suspect"),
        ("aarch64", SEGV, ILL, "signal"),
        ("aarch64", SEGV, _result("miss"), "signal"),
        ("aarch64", ILL, PASS, "illegal-instruction"),
        ("armv7l", ILL, PASS, "emulator-suspect"),
    ],
)
def test_crashes_are_compared(
    arch: str, crash: ProbeResult, other: ProbeResult, cause: str
) -> None:
    """A smaller CPU that has the instruction shows that it is not the CPU that lacks it."""
    attempts = [(AttemptMode.UNPACKED, crash), (AttemptMode.OTHER_CPU, other)]
    seen = compared_crash(crash, attempts, find_arch(arch), "cortex-a72")
    assert (seen.outcome, seen.cause) == ("crashed", cause)
    if cause != "signal":
        assert seen.evidence == (
            f"{crash.evidence} with the emulator's CPU cortex-a72; with "
            f"QEMU_CPU={OTHER_CPUS[arch].model}: {f'{other.outcome} {other.evidence}'.strip()}"
        )


def test_without_another_attempt_nothing_changes() -> None:
    """The last attempt is the confirmation."""
    attempts = [(AttemptMode.SESSION, SEGV), (AttemptMode.UNPACKED, SEGV)]
    assert compared_crash(SEGV, attempts, find_arch("aarch64"), "") is SEGV
