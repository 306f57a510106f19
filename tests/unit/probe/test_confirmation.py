"""When a result is confirmed, and which result counts."""

from dataclasses import replace

import pytest

from harness.core.cells import Outcome, Stage
from harness.core.machines import Machine
from harness.core.observations import AttemptMode
from harness.probe.confirmation import COMPARED, accepts_tag, believed, comparisons, next_mode
from harness.probe.jobs import ProbeResult
from tests.support.forecasts import GLIBC

SESSION, NATIVE = AttemptMode.SESSION, AttemptMode.NATIVE
UNPACKED, FRESH = AttemptMode.UNPACKED, AttemptMode.FRESH
FILENAME = "demo-1-cp39-cp39-win32.whl"


def _result(outcome: str, stage: str = "import", evidence: str = "") -> ProbeResult:
    return ProbeResult(
        outcome=Outcome(outcome),
        stage=Stage(stage),
        cause="",
        evidence=evidence,
        log="",
        seconds=1.0,
    )


PASS = _result("pass", "call")
BROKEN = _result("import-failed", "import", "no such symbol")
OTHER = _result("import-failed", "import", "another symbol")
UNTRUE = _result("call-failed", "call")
LATE = [
    _result(f"{stage}-failed", stage, "cannot open shared object file")
    for stage in ("load", "start", "test")
]
CRASH = _result("crashed", "call", "killed by SIGSEGV")
EARLY_CRASH = _result("crashed", "install", "killed by SIGSEGV")
NOT_INSTALLED = _result("install-failed", "install")
REFUSED = _result("refused", "install", "in pip's words")
HANGS = _result("timeout", "import")
MISS = _result("miss")


def test_test_runs_are_compared_without_their_words() -> None:
    """A runner says how long it took; the second failure confirms the first all the same."""
    first, second = (_result("test-failed", "test", f"1 failed in {n} s") for n in (1, 2))
    assert next_mode([(SESSION, first), (UNPACKED, second)], tag_accepted=True) is None
    passed = _result("pass", "test")
    assert next_mode([(SESSION, first), (UNPACKED, passed)], tag_accepted=True) is FRESH


@pytest.mark.parametrize(
    ("seen", "mode"),
    [
        ([(SESSION, PASS)], None),
        ([(NATIVE, PASS)], None),
        ([(SESSION, BROKEN)], UNPACKED),
        ([(NATIVE, BROKEN)], UNPACKED),
        ([(SESSION, UNTRUE)], UNPACKED),
        *[([(SESSION, late)], UNPACKED) for late in LATE],
        ([(SESSION, CRASH)], UNPACKED),
        ([(SESSION, EARLY_CRASH)], FRESH),
        ([(NATIVE, NOT_INSTALLED)], FRESH),
        ([(SESSION, REFUSED)], FRESH),
        ([(SESSION, HANGS)], FRESH),
        ([(SESSION, MISS)], FRESH),
        ([(SESSION, BROKEN), (UNPACKED, BROKEN)], None),
        ([(SESSION, BROKEN), (UNPACKED, OTHER)], FRESH),
        ([(SESSION, BROKEN), (UNPACKED, MISS)], FRESH),
        ([(SESSION, BROKEN), (UNPACKED, PASS)], FRESH),
        ([(SESSION, BROKEN), (UNPACKED, OTHER), (FRESH, BROKEN)], None),
        ([(SESSION, MISS), (FRESH, MISS)], None),
    ],
)
def test_next_mode(seen: list[tuple[AttemptMode, ProbeResult]], mode: AttemptMode | None) -> None:
    """A pass needs no confirmation; a failure needs one in a separate container."""
    assert next_mode(seen, tag_accepted=True) is mode
    assert believed(seen, tag_accepted=True, filename=FILENAME) is seen[-1][1]


@pytest.mark.parametrize(
    ("first", "mode"), [(PASS, None), (BROKEN, None), (NOT_INSTALLED, None), (MISS, FRESH)]
)
def test_unlisted_wheel_is_refused_at_once(first: ProbeResult, mode: AttemptMode | None) -> None:
    """Only a miss is repeated: no result of the wheel makes pip accept its tag."""
    assert next_mode([(SESSION, first)], tag_accepted=False) is mode


@pytest.mark.parametrize("result", [PASS, BROKEN, NOT_INSTALLED, CRASH, HANGS])
def test_unlisted_wheel_counts_as_refused(result: ProbeResult) -> None:
    """A wheel that old pip installed against its tags counts as refused."""
    said = believed([(SESSION, result)], tag_accepted=False, filename=FILENAME)
    assert (said.outcome, said.stage, said.cause) == (Outcome.REFUSED, Stage.INSTALL, "tag-refused")
    assert said.evidence == f"{FILENAME} is not a supported wheel on this platform."


@pytest.mark.parametrize("result", [REFUSED, MISS])
def test_refusal_and_miss_are_not_changed(result: ProbeResult) -> None:
    """The evidence of a refusal is pip's message."""
    assert believed([(SESSION, result)], tag_accepted=False, filename=FILENAME) is result


@pytest.mark.parametrize(
    ("filename", "tag_accepted"),
    [
        ("demo-1-cp311-cp311-manylinux_2_17_x86_64.whl", True),
        ("demo-1-cp38.cp311-cp311.abi3-win32.manylinux_2_17_x86_64.whl", True),
        ("demo-1-cp311-cp311-musllinux_1_1_x86_64.whl", False),
        ("no wheel", True),
    ],
)
def test_one_listed_tag_is_enough(filename: str, tag_accepted: bool) -> None:
    """One accepted tag is enough. The installer itself reports a malformed file name."""
    passport = replace(GLIBC, tags=("cp311-cp311-manylinux_2_17_x86_64", "py3-none-any"))
    assert accepts_tag(filename, passport) is tag_accepted


KILLED = replace(CRASH, cause="signal")
LIMITED = replace(CRASH, cause="memory-limit")
OTHER_CPU, NATIVE_ARCH = AttemptMode.OTHER_CPU, AttemptMode.NATIVE_ARCH


@pytest.mark.parametrize(
    ("seen", "mode"),
    [
        ([(SESSION, KILLED)], UNPACKED),
        ([(SESSION, KILLED), (UNPACKED, KILLED)], OTHER_CPU),
        ([(SESSION, KILLED), (UNPACKED, BROKEN), (FRESH, KILLED)], OTHER_CPU),
        ([(SESSION, KILLED), (UNPACKED, PASS), (FRESH, PASS)], None),
        ([(SESSION, LIMITED), (UNPACKED, LIMITED)], None),
        ([(SESSION, BROKEN), (UNPACKED, BROKEN)], None),
        ([(SESSION, KILLED), (UNPACKED, KILLED), (OTHER_CPU, PASS)], NATIVE_ARCH),
        ([(SESSION, KILLED), (UNPACKED, KILLED), (OTHER_CPU, KILLED)], NATIVE_ARCH),
        ([(SESSION, KILLED), (UNPACKED, KILLED), (OTHER_CPU, KILLED), (NATIVE_ARCH, PASS)], None),
        ([(SESSION, KILLED), (UNPACKED, KILLED), (OTHER_CPU, PASS), (NATIVE_ARCH, KILLED)], None),
    ],
)
def test_a_signal_under_emulation_is_compared(
    seen: list[tuple[AttemptMode, ProbeResult]], mode: AttemptMode | None
) -> None:
    """A confirmed one is tried with another CPU, and natively; on a native arch none is."""
    assert next_mode(seen, tag_accepted=True, compared=COMPARED) == mode
    if seen[-1][0] not in COMPARED:
        native = next_mode(seen, tag_accepted=True)
        assert native == (None if mode is OTHER_CPU else mode)
        alone = next_mode(seen, tag_accepted=True, compared=(NATIVE_ARCH,))
        assert alone == (NATIVE_ARCH if mode is OTHER_CPU else mode)


@pytest.mark.parametrize(
    ("machine", "cause", "compared"),
    [
        (None, "signal", COMPARED),
        (None, "illegal-instruction", COMPARED),
        (Machine(name="v3", title="v3", cpu="Haswell-v1"), "signal", (NATIVE_ARCH,)),
        (Machine(name="v3", title="v3", cpu="Haswell-v1"), "illegal-instruction", ()),
        (Machine(name="64k", title="64k", page_size=65536), "signal", ()),
    ],
)
def test_what_a_machine_explains_is_not_compared(
    machine: Machine | None, cause: str, compared: tuple[AttemptMode, ...]
) -> None:
    """On a machine that was asked for, a signal alone may be the emulator's."""
    assert comparisons(cause, machine) == compared


@pytest.mark.parametrize("compared", [OTHER_CPU, NATIVE_ARCH])
def test_what_a_crash_is_compared_with_does_not_decide_the_outcome(compared: AttemptMode) -> None:
    """The crash with the target's own CPU counts."""
    seen = [(SESSION, KILLED), (UNPACKED, KILLED), (compared, PASS)]
    assert believed(seen, tag_accepted=True, filename=FILENAME) == KILLED
