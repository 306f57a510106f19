"""CPU models and page sizes under real emulation."""

import io
import os
from dataclasses import fields
from functools import partial
from pathlib import Path

import pytest

from harness.app.adhoc import run_subjects
from harness.app.machine_check import check_machines
from harness.app.prober_options import ProberOptions
from harness.app.pytest_driver import RunOptions
from harness.app.wiring import read_matrix
from harness.core.arches import find_arch
from harness.core.cells import Cell, Outcome
from harness.core.errors import UsageError
from harness.core.machines import Machine, MachineTarget
from harness.core.observations import Observation
from harness.core.subjects import IndexSource
from harness.core.targets import Target
from harness.host.cache import Cache
from harness.host.cpu_models import cpu_models
from harness.host.doctor import emulator_version
from harness.host.engine.docker import DockerEngine
from harness.host.package_data import matrix_folder
from harness.host.process import run_process
from harness.host.static_emulator import StaticEmulator
from harness.images.debian import PackageSet
from harness.matrix.plan import Selection
from harness.probe.journal import Journal
from harness.report.console import Console
from tests.support.cells import make_subject
from tests.support.local_prober import LocalImages, local_prober
from tests.support.targets import debian_12, make_machine_target
from tests.support.workspace import assembled_images, make_workspace

pytestmark = pytest.mark.integration

MACHINES = {machine.name: machine for machine in read_matrix(matrix_folder()).machines}
RUN = """
import ctypes, mmap, pathlib
place = pathlib.Path(__file__).with_name("code.bin")
place.write_bytes(bytes.fromhex({code!r}).ljust(4096, b"\\0"))
with open(place, "rb") as file:
    code = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE,
                     prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
run = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
assert run() >= 16
"""
# Arm A64: `rdvl x0, #1` of the Scalable Vector Extension, which Armv8.0 lacks, and `ret`.
VECTOR = "20 50 bf 04 c0 03 5f d6"
# x86-64: `pinsrq $1, %rax, %xmm0` of SSE4.1, which x86-64-v1 lacks, and `ret`.
INSERT = "66 48 0f 3a 22 c0 01 c3"
EXECUTES = """
import subprocess, sys
flags = "import struct; a = open('/proc/self/auxv', 'rb').read();" \\
        "print(dict(struct.iter_unpack('@2L', a))[16] >> 28 & 1)"
started = subprocess.run([sys.executable, "-c", flags], capture_output=True, check=True)
assert started.stdout.strip() == b"1", started.stdout  # HTT: not emulated
"""


def on(target: Target, name: str) -> MachineTarget:
    given = {each.name: getattr(target, each.name) for each in fields(target)}
    return MachineTarget(**given, machine=MACHINES[name])


def test_cpu_models_of_each_emulator(cache: Cache) -> None:
    """Those that ``machines.yaml`` names are known here, so this machine can probe its cells."""
    for machine in read_matrix(matrix_folder()).targets:
        if isinstance(machine, MachineTarget) and machine.machine.cpu:
            model = machine.machine.cpu.partition(",")[0]
            assert model in cpu_models(machine.arch, cache), machine.key


def test_a_model_that_the_emulator_lacks_is_an_error_before_anything_runs() -> None:
    unknown = Machine(name="power7x", title="none", cpu="power7x,option=on")
    with pytest.raises(UsageError, match="this QEMU has no CPU model 'power7x'") as caught:
        check_machines([make_machine_target("a/ppc64le", unknown)])
    assert "did you mean 'power7'? It knows " in str(caught.value)
    assert " … (`qemu-ppc64le-static -cpu help` lists all)" in str(caught.value)


@pytest.mark.parametrize(
    ("arch", "cpu", "message"),
    [
        # Its emulation lacks decimal floating point, for one.
        ("s390x", "z13", "Some features requested in the CPU model are not available"),
        ("aarch64", "max,no-such-option=on", "no-such-option"),
        ("x86_64", "Nehalem-v1,no-such-option=on", "no-such-option"),
    ],
)
def test_a_model_that_does_not_start_is_an_error_before_anything_runs(
    arch: str, cpu: str, message: str
) -> None:
    machine = Machine(name="some", title="some", cpu=cpu)
    with pytest.raises(UsageError, match=f"does not start with the CPU '{cpu}'") as caught:
        check_machines([make_machine_target(f"a/{arch}", machine)])
    assert message in str(caught.value)


def test_the_machines_of_the_matrix_start() -> None:
    """So none of their cells is a miss for its CPU."""
    check_machines(read_matrix(matrix_folder()).targets)


def test_a_machine_decides_about_an_instruction(
    engine: DockerEngine, cache: Cache, tmp_path: Path
) -> None:
    """The bytes of the instruction and its file are found; no other CPU model is tried."""
    plain = debian_12("aarch64")
    images = LocalImages()
    images.image = assembled_images(engine, cache).get(plain)
    with local_prober(
        {"one": RUN.format(code=VECTOR), "two": ""},
        Journal(tmp_path / "journal.jsonl"),
        engine=engine,
        images=images,
        emulator=partial(emulator_version, cache=cache),
    ) as prober:

        def seen_on(name: str, subject: str = "one") -> Observation:
            return prober.observe(Cell(target=on(plain, name), subject=make_subject(subject)))

        old, new = seen_on("a72"), seen_on("armv9")
        large = prober.passport(on(plain, "64k"))
        other = seen_on("64k", "two")
    assert (old.outcome, old.cause) == ("crashed", "illegal-instruction")
    assert "the instruction 20 50 bf 04 is at code.bin+0x0" in old.evidence
    assert [each.mode for each in old.attempts] == ["session", "unpacked"]
    assert new.outcome is Outcome.PASS
    assert large.page_size == other.provenance.page_size == 65536
    assert (large.hw_platform, large.hwcap & 0x100) == ("aarch64", 0)


def test_the_native_arch_is_emulated_for_a_cpu_model(
    engine: DockerEngine, cache: Cache, tmp_path: Path
) -> None:
    """Forks stay emulated; what they execute runs natively, which the guide says."""
    here = find_arch(os.uname().machine)
    if here.name != "x86_64":
        name, bit = "a72", 0x100
    else:
        name, bit = "v1", 1 << 28
    plain = debian_12(here.name)
    images = LocalImages()
    images.image = assembled_images(engine, cache).get(plain)
    executes, code = (EXECUTES, INSERT) if here.name == "x86_64" else ("", VECTOR)
    with local_prober(
        {"one": executes, "two": RUN.format(code=code)},
        Journal(tmp_path / "journal.jsonl"),
        engine=engine,
        images=images,
        emulator="",
    ) as prober:
        target = on(plain, name)
        passport = prober.passport(target)
        seen = prober.observe(Cell(target=target, subject=make_subject("one")))
        crash = prober.observe(Cell(target=target, subject=make_subject("two")))
        command = prober.repro_command(Cell(target=target, subject=make_subject("one")))
    assert passport.hwcap & bit == 0
    assert seen.outcome is Outcome.PASS, seen.evidence
    assert (crash.outcome, crash.cause) == ("crashed", "illegal-instruction")
    assert f"the instruction {code[:11]}" in crash.evidence
    assert crash.evidence.endswith(" is at code.bin+0x0")
    assert seen.provenance.qemu_cpu == MACHINES[name].cpu
    assert seen.provenance.qemu
    assert f"QEMU_CPU={MACHINES[name].cpu}" in command
    assert "-static:/emulator:ro" in command


@pytest.mark.nightly
def test_a_newer_emulator_ignores_the_page_size(
    engine: DockerEngine, cache: Cache, tmp_path: Path
) -> None:
    """It knows the CPU models, and its session is not what was asked for: a miss in one line."""
    wanted = PackageSet(suite="trixie", arches=("amd64",), names=("qemu-user",), depends=False)
    _, (package,) = make_workspace(cache).upstream.fetch(wanted)
    run_process(("dpkg-deb", "-x", package, tmp_path / "qemu"), timeout=60)
    program = tmp_path / "qemu/usr/bin/qemu-aarch64"
    answer = run_process((program, "--version"), timeout=10).decode()
    version = answer.split()[2]
    assert int(version.partition(".")[0]) >= 9
    plain = debian_12("aarch64")
    images = LocalImages()
    images.image = assembled_images(engine, cache).get(plain)
    with local_prober(
        {"one": RUN.format(code=VECTOR)},
        Journal(tmp_path / "journal.jsonl"),
        engine=engine,
        images=images,
        emulator="",
        static_emulator=lambda _: StaticEmulator(path=program, version=version),
    ) as prober:
        large, old, new = (
            prober.observe(Cell(target=on(plain, name), subject=make_subject("one")))
            for name in ("64k", "a72", "armv9")
        )
    assert (large.outcome, large.cause) == (Outcome.MISS, "infra:machine")
    assert large.evidence == (
        "machine 64k: a page has 4096 bytes there, asked for 65536; "
        "QEMU 9.0 and newer ignore QEMU_PAGESIZE"
    )
    assert (old.outcome, old.cause) == ("crashed", "illegal-instruction")
    assert new.outcome is Outcome.PASS, new.evidence
    assert new.provenance.qemu == version


PUBLISHED = (
    # https://github.com/pyca/cryptography/issues/14184
    ("cryptography", "46.0.3", "ppc64le", {"power8": "illegal-instruction", "power9": ""}),
    # https://github.com/NixOS/nixpkgs/issues/504266
    ("numpy", "2.5.5", "x86_64", {"v1": "illegal-instruction", "v2": ""}),
    # https://github.com/apache/arrow/pull/47766
    ("pyarrow", "21.0.0", "aarch64", {"a72": "illegal-instruction", "a76": ""}),
    ("markupsafe", "3.0.3", "aarch64", {"a72": "", "armv9": "", "64k": "", "16k": ""}),
)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "version", "arch", "causes"), PUBLISHED, ids=[each[0] for each in PUBLISHED]
)
def test_published_wheels(
    tmp_path: Path, name: str, version: str, arch: str, causes: dict[str, str]
) -> None:
    """Each fails on the machine that its tag includes and its code does not, and on no other."""
    imports = ("cryptography.fernet",) if name == "cryptography" else (name,)
    beside = (
        IndexSource(name="cffi", version="2.1.1"),
        IndexSource(name="pycparser", version="2.23"),
    )
    subject = make_subject(
        name,
        source=IndexSource(name=name, version=version),
        imports=imports,
        companions=beside if name == "cryptography" else (),
    )
    selection = Selection(targets=("debian-13",), arches=(arch,), machines=tuple(causes))
    options = RunOptions(prober=ProberOptions(images="assembled"), out=tmp_path / "out", workers=1)
    grid = run_subjects((subject,), selection, options, Console(file=io.StringIO()))
    seen = {cell.cell.target.key.partition("@")[2]: cell.observation for cell in grid.cells}
    assert {name: each.cause for name, each in seen.items() if each} == causes, [
        each.evidence for each in seen.values() if each
    ]
