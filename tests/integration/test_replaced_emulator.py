"""The kernel's handler of an arch is replaced while a cell of that arch runs."""

import contextlib
import threading
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.cells import Cell
from harness.core.targets import AssembledWay
from harness.host.cache import Cache
from harness.host.doctor.emulation import emulator_version
from harness.host.engine.docker import DockerEngine
from harness.probe.journal import Journal
from harness.probe.result_keys import ProbeLimits
from tests.support.cells import make_subject
from tests.support.commands import wait_until
from tests.support.local_prober import LocalImages, local_prober
from tests.support.replaced_emulator import VERSION, replaced_emulator
from tests.support.targets import make_target
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration

ARCH = find_arch("riscv64")
"""The one that fewest tests use: every other program of it meets the replaced handler too."""
PATIENT = ProbeLimits(timeout=300, quiet=300)
TARGET = make_target(
    f"debian-13/{ARCH.name}",
    python="3.13",
    assembled=AssembledWay(suite="trixie", packages=("libstdc++6", "python3", "python3-pip")),
)
CODES = {"first": "", "second": "import time\ntime.sleep(8)\n0 / 0", "third": ""}


def test_a_handler_that_is_replaced_during_a_run_is_noticed(
    engine: DockerEngine, cache: Cache, tmp_path: Path
) -> None:
    """The failing cell is a miss; the next one, after the old handler is back, passes."""
    images = LocalImages()
    images.image = assembled_images(engine, cache).get(TARGET)
    journal = Journal(tmp_path / "journal.jsonl")
    before = emulator_version(ARCH, cache)
    with (
        contextlib.ExitStack() as replaced,
        local_prober(
            dict(CODES),
            journal,
            engine=engine,
            images=images,
            limits=PATIENT,
            emulator=lambda arch: emulator_version(arch, cache),
        ) as prober,
    ):

        def replace_it() -> None:
            wait_until(lambda: "probing second" in journal.path.read_text(), seconds=300)
            replaced.enter_context(replaced_emulator(ARCH, tmp_path))

        first = prober.observe(Cell(target=TARGET, subject=make_subject("first")))
        thread = threading.Thread(target=replace_it)
        thread.start()
        second = prober.observe(Cell(target=TARGET, subject=make_subject("second")))
        thread.join()
        replaced.close()
        third = prober.observe(Cell(target=TARGET, subject=make_subject("third")))
    assert before not in ("", VERSION)
    assert [(seen.outcome, seen.provenance.qemu) for seen in (first, third)] == [
        ("pass", before),
        ("pass", before),
    ]
    assert (second.outcome, second.cause) == ("miss", "infra:engine")
    words = f"the emulator was replaced during a cell ({before}, now {VERSION})"
    assert words in second.evidence
