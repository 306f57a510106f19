"""The check of a declared engine that answered."""

from harness.app.engine_check import check_declared, engine_check
from harness.core.arches import ARCHES
from harness.core.engine_places import parse_place
from harness.host.cache import Cache
from harness.host.doctor.check import Check
from harness.host.engine import EngineInfo
from harness.host.engine.api import MachineRun

ARM = EngineInfo(
    version="28.1",
    api_version="1.49",
    storage_driver="overlay2",
    arch="aarch64",
    kernel="6.1.0",
    limits=frozenset(),
    rootless=False,
    host="arm1",
    processors=8,
    memory=16 << 30,
)
NATIVE = ("aarch64", "armv7l")
RUNS = {
    arch.name: MachineRun(machine=arch.machines[0], room=40 << 30)
    if arch.name in NATIVE
    else MachineRun(machine=arch.machines[0], emulator="7.2.22")
    for arch in ARCHES
}
NO_EMULATION = MachineRun(error="exec format error")


def checked(*declared: str, **runs: MachineRun) -> Check:
    return engine_check("ssh://arm1", declared, ARM, {**RUNS, **runs}, 0.0123)


def test_an_engine_is_shown_with_what_it_runs() -> None:
    check = checked("aarch64")
    assert (check.name, check.ok, check.remedy) == ("engine ssh://arm1", True, "")
    assert check.detail == (
        "docker 28.1 on arm1 (aarch64, kernel 6.1.0, 8 processors, 16.0 GiB); "
        "native: aarch64 armv7l; emulated: x86_64 i686 ppc64le s390x riscv64 (QEMU 7.2.22); "
        "40.0 GiB free; answers in 12.3 ms"
    )


def test_what_it_does_not_run_is_not_listed() -> None:
    check = checked("aarch64", s390x=NO_EMULATION)
    assert check.ok
    assert "s390x" not in check.detail


def test_an_engine_that_does_not_run_its_arch_is_not_ok() -> None:
    check = checked("aarch64", "s390x", s390x=NO_EMULATION)
    assert (check.ok, check.blocking) == (False, False)
    assert check.remedy.startswith("declared for s390x, which does not run there (aarch64); ")


def test_an_engine_that_emulates_its_arch_says_so() -> None:
    assert checked("s390x").remedy == "declared for s390x, which it emulates"


def test_a_processor_may_run_another_arch_without_an_emulator() -> None:
    """Some ARM processors run 32-bit programs."""
    assert checked("armv7l").ok


def test_an_engine_of_another_arch_than_it_says() -> None:
    """What it emulates says nothing about its room."""
    emulating = {arch.name: MachineRun(machine=arch.name, emulator="7.2.22") for arch in ARCHES}
    check = checked("aarch64", **emulating)
    assert (check.ok, "GiB free" in check.detail) == (False, False)
    assert check.remedy == (
        "it says that its machine is aarch64, but it runs aarch64 with QEMU 7.2.22; "
        "native engines come before it"
    )


def test_an_engine_with_little_room_is_not_ok() -> None:
    full = {name: MachineRun(machine=name, room=1 << 30) for name in NATIVE}
    assert checked("aarch64", **full).remedy == "a whole run may need 5 GiB there"


def test_an_engine_that_does_not_answer_has_the_next_step(cache: Cache) -> None:
    first, _ = check_declared([parse_place("aarch64=unix:///nowhere")], cache)
    assert first.detail == "it does not answer ([Errno 2] No such file or directory)"
    assert first.remedy == "is it running, and may you use it?"
