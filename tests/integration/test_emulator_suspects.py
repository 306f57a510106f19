"""Fatal signals under real emulation, tried again with another CPU model."""

from functools import partial
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.cells import Cell
from harness.host.cache import Cache
from harness.host.doctor import emulator_version
from harness.host.engine.docker import DockerEngine
from harness.probe.journal import Journal
from tests.support.cells import make_subject
from tests.support.local_prober import LocalImages, local_prober
from tests.support.targets import debian_12
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration

ARM = find_arch("aarch64")
SUSPECT = """
import os, signal
if os.environ["QEMU_CPU"] == "cortex-a72":
    os.kill(os.getpid(), signal.SIGSEGV)
"""
# Arm A64: `rdvl x0, #1` of the Scalable Vector Extension, which Armv8.0 lacks, and `ret`.
BASELINE = """
import ctypes, mmap, struct
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(struct.pack("<2I", 0x04BF5020, 0xD65F03C0))
run = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
assert run() >= 16
"""


@pytest.mark.parametrize(
    ("code", "cause", "words"),
    [
        (SUSPECT, "emulator-suspect", "SIGSEGV while importing one with the emulator's CPU cortex"),
        (
            BASELINE,
            "illegal-instruction",
            "SIGILL while importing one with the emulator's CPU",
        ),
        pytest.param(
            "import os\nos.abort()", "signal", "killed by SIGABRT", marks=pytest.mark.nightly
        ),
    ],
    ids=["suspect", "baseline", "crash"],
)
def test_a_signal_is_tried_with_another_cpu(
    engine: DockerEngine, cache: Cache, tmp_path: Path, code: str, cause: str, words: str
) -> None:
    """Only a crash that every CPU model gives is the wheel's."""
    target = debian_12(ARM.name)
    images = LocalImages()
    images.image = assembled_images(engine, cache).get(target)
    with local_prober(
        {"one": code},
        Journal(tmp_path / "journal.jsonl"),
        engine=engine,
        images=images,
        emulator=partial(emulator_version, ARM, cache),
    ) as prober:
        seen = prober.observe(Cell(target=target, subject=make_subject("one")))
    assert (seen.outcome, seen.cause) == ("crashed", cause)
    assert words in seen.evidence
    assert ("QEMU_CPU=max: pass" in seen.evidence) == (cause != "signal")
    assert [attempt.mode for attempt in seen.attempts][-1] == "other-cpu"
    assert seen.provenance.qemu == emulator_version(ARM, cache)
