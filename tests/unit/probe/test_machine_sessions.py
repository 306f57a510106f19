"""Sessions on machines: what is asked, what is a miss, and instructions that the CPU lacks."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.cells import Cell, Outcome
from harness.core.machines import Machine
from harness.probe.illegal_instruction import instruction
from harness.probe.journal import Journal
from harness.probe.result_keys import environment_of
from tests.support.cells import make_subject
from tests.support.local_prober import HERE, IMAGE, local_prober
from tests.support.targets import make_machine_target

LARGE = Machine(name="64k", title="large pages", page_size=65536)
MODEL = Machine(name="old", title="an old CPU", cpu="old-model")
# x86 `ud2`, Arm A64 `udf #0`: in no instruction set, so no CPU runs it.
UNDEFINED = {"x86_64": b"\x0f\x0b", "aarch64": b"\0\0\0\0"}
RUN = """
import ctypes, mmap, pathlib
place = pathlib.Path(__file__).with_name("code.bin")
with open(place, "rb") as file:
    code = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE,
                     prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
"""
WRITE = f"""
import pathlib
pathlib.Path(__file__).with_name("code.bin").write_bytes({UNDEFINED[HERE.name]!r}.ljust(4096, b"."))
"""


def cell_on(machine: Machine) -> Cell:
    target = make_machine_target(f"here/{HERE.name}", machine, title="this machine")
    return Cell(target=target, subject=make_subject("one"))


def test_a_page_size_that_is_not_there_is_a_miss_with_a_prediction(tmp_path: Path) -> None:
    """As from QEMU 9.0 on: nothing is believed of the session, and the wheel is predicted."""
    with local_prober({"one": ""}, Journal(tmp_path / "journal.jsonl")) as prober:
        seen = prober.observe(cell_on(LARGE))
        again = prober.observe(cell_on(LARGE))
    assert (seen.outcome, seen.cause) == (Outcome.MISS, "infra:machine")
    assert "asked for 65536" in seen.evidence
    assert "\n" not in seen.evidence
    assert again.evidence == seen.evidence
    assert seen.prediction is not None
    assert seen.prediction.outcome is Outcome.PASS


def test_an_auxiliary_vector_that_differs_is_a_miss(tmp_path: Path) -> None:
    never = replace(MODEL, has={"hwcap2": 1 << 63})
    with local_prober({"one": ""}, Journal(tmp_path / "journal.jsonl")) as prober:
        seen = prober.observe(cell_on(never))
    assert (seen.outcome, seen.cause) == (Outcome.MISS, "infra:machine")
    assert "AT_HWCAP2" in seen.evidence


def test_the_passport_has_the_auxiliary_vector(tmp_path: Path) -> None:
    with local_prober({"one": ""}, Journal(tmp_path / "journal.jsonl")) as prober:
        passport = prober.passport(cell_on(MODEL).target)
    assert passport.hwcap > 0
    assert passport.hw_platform in ("x86_64", "haswell", "xeon_phi", "aarch64")


def test_results_depend_on_the_machine() -> None:
    plain, large, model = (
        environment_of(cell.target, IMAGE, "7.2", "6.1")
        for cell in (cell_on(Machine(name="x", title="x")), cell_on(LARGE), cell_on(MODEL))
    )
    assert large.page_size == 65536
    assert model.cpu_model == "old-model"
    assert len({plain.key, large.key, model.key}) == 3


def test_an_illegal_instruction_is_found(tmp_path: Path) -> None:
    """Its bytes, its file and the place in it; no other CPU is tried if one was asked for."""
    code = WRITE + RUN
    with local_prober({"one": code}, Journal(tmp_path / "journal.jsonl")) as prober:
        seen = prober.observe(cell_on(MODEL))
    assert (seen.outcome, seen.cause) == (Outcome.CRASHED, "illegal-instruction")
    assert "killed by SIGILL while importing one; the instruction " in seen.evidence
    assert UNDEFINED[HERE.name].hex(" ") in seen.evidence
    assert seen.evidence.endswith("/code.bin+0x0")
    assert [attempt.mode for attempt in seen.attempts] == ["session", "unpacked"]


def test_a_signal_that_a_process_sent_is_no_instruction(tmp_path: Path) -> None:
    code = "import os, signal\nos.kill(os.getpid(), signal.SIGILL)"
    with local_prober({"one": code}, Journal(tmp_path / "journal.jsonl")) as prober:
        seen = prober.observe(cell_on(MODEL))
    assert seen.evidence.endswith("; a process sent the signal")


@pytest.mark.parametrize(
    ("arch", "code", "size"),
    [
        ("aarch64", "20 50 bf 04 c0 03 5f d6", 4),
        ("ppc64le", "a4 03 1b 7c 00 00 00 60", 4),
        ("ppc64le", "00 00 10 06 00 00 60 38 01", 8),
        ("s390x", "07 fe 00 00 00 00", 2),
        ("s390x", "b9 04 00 12 00 00", 4),
        ("s390x", "e7 00 00 00 00 44 11", 6),
        ("riscv64", "82 80 00 00", 2),
        ("riscv64", "57 70 00 0d 11", 4),
        ("x86_64", "0f 0b " + "00 " * 14, 15),
        ("aarch64", "", 0),
    ],
)
def test_the_length_of_an_instruction(arch: str, code: str, size: int) -> None:
    assert len(instruction(find_arch(arch), bytes.fromhex(code))) == size


FORGED = """
import json, os, signal
for fault in ({"code": "zz"}, {"address": "x"}, {"file": 1}, [], {"offset": 1e999}, None):
    os.write(3, json.dumps({"fault": fault}).encode() + b"\\n")
os.write(3, b'{"fault": {"file": "\\\\u001b[0m", "address": -1, "code": "0f0b", "offset": 7}}\\n')
signal.signal(signal.SIGILL, signal.SIG_DFL)
os.kill(os.getpid(), signal.SIGILL)
"""


def test_a_forged_report_of_an_instruction_harms_nothing(tmp_path: Path) -> None:
    """A wheel can lie about itself; what it writes is of the right types and sizes."""
    with local_prober({"one": FORGED}, Journal(tmp_path / "journal.jsonl")) as prober:
        seen = prober.observe(cell_on(MODEL))
    assert (seen.outcome, seen.cause) == (Outcome.CRASHED, "illegal-instruction")
    assert seen.evidence.endswith("+0x7")
