"""Fatal signals under real emulation, tried again with another CPU model, and natively."""

from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.cells import Cell
from harness.core.observations import ImageRef
from harness.core.targets import Target
from harness.host.cache import Cache
from harness.host.doctor import emulator_version
from harness.host.engine.docker import DockerEngine
from harness.images.debian_root import native_arch
from harness.images.image_provider import ImageProvider
from harness.images.source import ImageStorage
from harness.probe.journal import Journal
from harness.probe.result_keys import ProbeLimits
from tests.support.cells import make_subject
from tests.support.local_prober import LocalImages, local_prober
from tests.support.targets import debian_12
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration

ARM = find_arch("aarch64")
SUSPECT = """
import os, signal
if os.environ.get("QEMU_CPU") == "cortex-a72":
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


# The wheel's own fault on one arch looks like the emulator's.
ON_ARM = """
import os
if os.uname().machine == "aarch64":
    os.abort()
"""
ABORT = "import os\nos.abort()"
NIGHTLY = pytest.mark.nightly


class BothArches(LocalImages):
    """Images of Debian 12 on the emulated and on this machine's arch."""

    def __init__(self, provider: ImageProvider) -> None:
        super().__init__()
        self._provider = provider
        self.image = provider.get(debian_12(native_arch().name))

    def get(self, target: Target) -> ImageRef:
        return self._provider.get(target)

    def uses(self, target: Target) -> tuple[ImageStorage, ...]:
        return self._provider.uses(target)


@pytest.mark.parametrize(
    ("code", "tag", "cause", "words", "other", "natively"),
    [
        (SUSPECT, "any", "emulator-suspect", "SIGSEGV while importing one", "pass", "pass"),
        (
            BASELINE,
            "linux_aarch64",
            "illegal-instruction",
            "SIGILL while importing one",
            "pass",
            "",
        ),
        (ON_ARM, "any", "emulator-suspect", "killed by SIGABRT", "crashed", "pass"),
        pytest.param(
            *(ABORT, "any", "signal", "killed by SIGABRT", "crashed", "crashed"), marks=NIGHTLY
        ),
        pytest.param(
            *(ABORT, "linux_aarch64", "signal", "killed by SIGABRT", "crashed", ""), marks=NIGHTLY
        ),
    ],
    ids=["suspect", "baseline", "one-arch", "crash", "other-tag"],
)
def test_a_signal_is_compared(  # noqa: PLR0913, PLR0917 - what is seen of each attempt
    engine: DockerEngine,
    cache: Cache,
    tmp_path: Path,
    code: str,
    tag: str,
    cause: str,
    words: str,
    other: str,
    natively: str,
) -> None:
    """Only a crash that every CPU gives is the wheel's; a file without a fitting tag has two."""
    target = debian_12(ARM.name)
    with local_prober(
        {"one": code},
        Journal(tmp_path / "journal.jsonl"),
        engine=engine,
        images=BothArches(assembled_images(engine, cache)),
        tag=f"py3-none-{tag}",
        emulator=lambda arch: emulator_version(arch, cache),
        native=(debian_12(native_arch().name),),
        limits=ProbeLimits(timeout=300, quiet=300),  # a busy machine is no fault
    ) as prober:
        seen = prober.observe(Cell(target=target, subject=make_subject("one")))
    assert (seen.outcome, seen.cause) == ("crashed", cause)
    assert words in seen.evidence
    assert "with the emulator's CPU cortex-a72; with QEMU_CPU=max: " + other in seen.evidence
    assert (f"natively on {native_arch().name}: {natively}" in seen.evidence) == bool(natively)
    last = "native-arch" if natively else "other-cpu"
    assert [attempt.mode for attempt in seen.attempts][-1] == last
    assert seen.provenance.qemu == emulator_version(ARM, cache)
