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
CALLED = _result("call-failed", "is not true")
MISS = _result("miss")
NATIVELY = "natively on x86_64"


def test_every_arch_has_another_cpu() -> None:
    """It is not the one that its cells are measured with."""
    assert set(OTHER_CPUS) == {arch.name for arch in ARCHES}
    for arch in ARCHES:
        assert dict(arch.qemu_env).get("QEMU_CPU") != dict(cpu_variables(arch))["QEMU_CPU"]


@pytest.mark.parametrize(
    ("arch", "crash", "other", "native", "cause"),
    [
        ("aarch64", SEGV, PASS, None, "emulator-suspect"),
        ("aarch64", SEGV, CALLED, None, "emulator-suspect"),
        ("aarch64", SEGV, FAILED, None, "signal"),
        ("aarch64", SEGV, ILL, None, "signal"),
        ("aarch64", SEGV, MISS, None, "signal"),
        ("aarch64", ILL, PASS, None, "illegal-instruction"),
        ("aarch64", ILL, PASS, PASS, "illegal-instruction"),
        ("armv7l", ILL, PASS, None, "emulator-suspect"),
        ("aarch64", SEGV, SEGV, PASS, "emulator-suspect"),
        ("aarch64", SEGV, SEGV, CALLED, "emulator-suspect"),
        ("aarch64", SEGV, SEGV, FAILED, "signal"),
        ("aarch64", SEGV, SEGV, SEGV, "signal"),
        ("aarch64", SEGV, SEGV, ILL, "signal"),
        ("aarch64", SEGV, PASS, SEGV, "signal"),
        ("aarch64", SEGV, PASS, ILL, "emulator-suspect"),
        ("aarch64", SEGV, SEGV, MISS, "signal"),
        ("aarch64", SEGV, MISS, PASS, "emulator-suspect"),
    ],
)
def test_crashes_are_compared(
    arch: str, crash: ProbeResult, other: ProbeResult, native: ProbeResult | None, cause: str
) -> None:
    """All outcomes are in the evidence that came as far as the crash.

    A smaller CPU that has the instruction shows that it is not the CPU that lacks it. A signal
    that the wheel for this machine's arch gets as well is no emulator's.
    """
    attempts = [(AttemptMode.UNPACKED, crash), (AttemptMode.OTHER_CPU, other)]
    attempts += [(AttemptMode.NATIVE_ARCH, native)] if native else []
    seen = compared_crash(crash, attempts, find_arch(arch), "cortex-a72", "x86_64")
    assert (seen.outcome, seen.cause) == ("crashed", cause)
    told = [
        f"{words}: {result.outcome} {result.evidence}".strip()
        for words, result in (
            (f"with QEMU_CPU={OTHER_CPUS[arch].model}", other),
            (NATIVELY, native),
        )
        if result and result not in (MISS, FAILED)
    ]
    with_model = [f"{crash.evidence} with the emulator's CPU cortex-a72"] if told else []
    assert seen.evidence == ("; ".join([*with_model, *told]) or crash.evidence)


def test_without_another_attempt_nothing_changes() -> None:
    """The last attempt is the confirmation."""
    attempts = [(AttemptMode.SESSION, SEGV), (AttemptMode.UNPACKED, SEGV)]
    assert compared_crash(SEGV, attempts, find_arch("aarch64"), "", "x86_64") is SEGV
