"""Sessions of open targets: limits that are not enforced, and sessions that are not sealed."""

from pathlib import Path

import pytest

from harness.core.arches import Arch
from harness.core.cells import Outcome
from harness.probe.journal import Journal, read_events
from harness.probe.session import open_session
from tests.support.local_engine import LocalEngine
from tests.support.local_prober import HERE, THIS_MACHINE, Answer, local_cell, local_prober
from tests.support.wheels import job_for, make_wheel

CELL = local_cell("one")


def test_limits_that_are_not_enforced_are_journaled(tmp_path: Path) -> None:
    """A local process has none of the limits; its cells are probed anyway."""
    journal = Journal(tmp_path / "journal.jsonl")
    with local_prober({"one": ""}, journal) as prober:
        assert prober.observe(CELL).outcome is Outcome.PASS
    (event,) = (e for e in read_events(journal.path)[0] if e["event"] == "unenforced")
    assert event["target"] == THIS_MACHINE.key
    assert {"memory", "pids", "no_new_privileges", "tmpfs"} <= set(event["names"])


def test_required_limits_that_are_not_enforced_are_a_miss(tmp_path: Path) -> None:
    """No cell is probed, and the evidence names the missing limits."""
    journal = Journal(tmp_path / "journal.jsonl")
    with local_prober({"one": ""}, journal, require_hardening=True) as prober:
        seen = prober.observe(CELL)
    assert (seen.outcome, seen.cause) == (Outcome.MISS, "infra:hardening")
    assert "does not enforce" in seen.evidence


def test_session_that_cannot_be_sealed_serves_one_cell(tmp_path: Path) -> None:
    """Without ctypes a cell could reach the agent, so the next cell needs another container."""
    wheel = make_wheel(tmp_path, "good", "")
    with open_session(LocalEngine(), "image", THIS_MACHINE) as session:
        session.start(warm=False)
        assert session.usable
        session._sealed = False
        assert session.probe(job_for(wheel)).outcome is Outcome.PASS
        assert not session.usable


def test_a_replaced_emulator_is_noticed_with_the_next_session(tmp_path: Path) -> None:
    """The session that goes on has the old one; results of the next have other keys."""
    version = ["7.2"]
    codes: dict[str, Answer] = {"one": "", "two": "", "three": ""}
    journal = Journal(tmp_path / "journal.jsonl")
    with local_prober(codes, journal, emulator=lambda _: version[0]) as prober:
        one = prober.observe(local_cell("one"))
        version[0] = "8.0"
        two = prober.observe(local_cell("two"))
        opened = prober._targets._opened
        assert opened is not None
        assert opened.session is not None
        opened.session.close()
        three = prober.observe(local_cell("three"))
        old = prober.observe(local_cell("one"))
    assert [seen.outcome for seen in (one, two, three, old)] == [Outcome.PASS] * 4
    assert [seen.provenance.qemu for seen in (one, two, three, old)] == ["7.2", "7.2", "8.0", "8.0"]
    assert one.key != old.key


def test_an_emulator_that_is_replaced_within_a_cell_is_a_miss(tmp_path: Path) -> None:
    """The failure would be confirmed by another emulator than the one that gave it."""
    replaced = tmp_path / "replaced"
    code = f"open({str(replaced)!r}, 'w').close()\n0 / 0"
    journal = Journal(tmp_path / "journal.jsonl")

    def version(_: Arch) -> str:
        return "8.0" if replaced.exists() else "7.2"

    with local_prober({"one": code}, journal, emulator=version) as prober:
        seen = prober.observe(local_cell("one"))
        again = prober.observe(local_cell("one"))
    assert (seen.outcome, seen.cause) == (Outcome.MISS, "infra:engine")
    assert "the emulator was replaced during a cell (7.2, now 8.0)" in seen.evidence
    assert (again.outcome, again.provenance.qemu) == (Outcome.IMPORT_FAILED, "8.0")


CRASHES_AT = """
import os, signal
with open({file!r}, "a") as stream: stream.write("x")
if os.path.getsize({file!r}) in {times}: os.kill(os.getpid(), signal.SIGSEGV)
"""


@pytest.mark.parametrize(
    ("times", "cause", "other", "natively"),
    [
        ((1, 2, 3), "emulator-suspect", "crashed", "pass"),
        ((1, 2, 3, 4), "signal", "crashed", "crashed"),
        ((1, 2, 4), "signal", "pass", "crashed"),
        ((1, 2), "emulator-suspect", "pass", "pass"),
    ],
)
def test_a_crash_is_tried_on_the_native_arch(
    tmp_path: Path, times: tuple[int, ...], cause: str, other: str, natively: str
) -> None:
    """Both outcomes are reported."""
    code = CRASHES_AT.format(file=str(tmp_path / "times"), times=times)
    journal = Journal(tmp_path / "journal.jsonl")
    with local_prober({"one": code}, journal, native=(THIS_MACHINE,)) as prober:
        seen = prober.observe(CELL)
    assert (seen.outcome, seen.cause) == (Outcome.CRASHED, cause)
    modes = ["native", "unpacked", "other-cpu", "native-arch"]
    assert [attempt.mode for attempt in seen.attempts] == modes
    assert f"QEMU_CPU=max: {other}" in seen.evidence
    assert f"natively on {HERE.name}: {natively}" in seen.evidence


KILLS = "import os, signal\nos.environ.get('QEMU_CPU') or os.kill(os.getpid(), signal.SIGSEGV)"


def test_a_crash_that_another_cpu_does_not_give_is_suspect(tmp_path: Path) -> None:
    """Both outcomes are in the evidence; on a native arch it is a crash."""
    journal = Journal(tmp_path / "journal.jsonl")
    for emulator, cause, modes in (
        ("7.2", "emulator-suspect", ["session", "unpacked", "other-cpu"]),
        ("", "signal", ["session", "unpacked"]),
    ):
        with local_prober({"one": KILLS}, journal, emulator=emulator) as prober:
            seen = prober.observe(CELL)
        assert (seen.outcome, seen.cause) == (Outcome.CRASHED, cause)
        assert [attempt.mode for attempt in seen.attempts] == modes
        assert ("QEMU_CPU=max: pass" in seen.evidence) == bool(emulator)
