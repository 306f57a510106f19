"""What measures a stored result anew, and what does not, with a real prober, store and cache.

The container answers immediately, so that a row of the table takes no session of a second.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from harness.core.cells import Cell
from harness.core.observations import Observation
from harness.core.targets import Target
from harness.host.code_key import code_key
from harness.host.engine import ContainerLimits, ContainerSpec
from harness.probe import result_keys
from harness.probe.journal import Journal, read_events
from harness.probe.result_keys import ProbeLimits
from harness.store import open_store
from harness.store.recorder import Recorder
from harness.store.reuse import open_earlier_results
from tests.support.answers import AnsweringChannel, Frame, pack
from tests.support.commands import ROOT
from tests.support.local_engine import LocalChannel, LocalEngine
from tests.support.local_prober import IMAGE, LIMITS, Answer, LocalImages, local_cell, local_prober

PASS = {"outcome": "pass", "stage": "call", "cause": "", "evidence": "", "log": ""}
WHEELS: dict[str, Answer] = {"one": "", "beside": ""}
CELL = local_cell("one", companions=("beside",))
CELL = replace(CELL, target=replace(CELL.target, arch_name="x86_64"))  # as the sample answers say


class AnsweringEngine(LocalEngine):
    """An engine whose containers pass every cell at once."""

    def __init__(self, version: str, kernel: str) -> None:
        super().__init__()
        self.details = replace(self.details, version=version, kernel=kernel)

    def open(self, spec: ContainerSpec) -> LocalChannel:  # noqa: ARG002 - the protocol's
        return AnsweringChannel(_passes)  # type: ignore[return-value]


def _passes(signed: Frame) -> bytes:
    return pack({**PASS, **signed})


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """Everything that may differ between two runs."""

    wheels: Mapping[str, Answer] = field(default_factory=lambda: WHEELS)
    cell: Cell = CELL
    image: str = IMAGE.id
    limits: ProbeLimits = LIMITS
    emulator: str = "emulator 1"
    qemu: Mapping[str, str] = field(default_factory=lambda: {"QEMU_CPU": "power8"})
    """Environment variables of the emulator."""
    cpu: str = "sse2"
    """Feature flags of this machine's CPU."""
    page_size: int = 4096
    """Of this machine."""
    code: tuple[str, str] = ("", "")
    """A file of this program, and what it says more."""
    seccomp: str = "{}"
    """The profile of denied system calls."""
    kernel: str = "6.1.0-26-amd64"
    engine: str = "1"
    harness: str = "1"


def _subject(**more: object) -> Cell:
    return replace(CELL, subject=replace(CELL.subject, **more))  # type: ignore[arg-type]


def _container(**more: int) -> ProbeLimits:
    return replace(LIMITS, container=replace(ContainerLimits(), **more))


NATIVE = Circumstances(emulator="")
EMULATED = Circumstances()
PROBE, JUDGE = "harness/probe/session.py", "harness/probe/agent/outcomes.py"
MEASURED = {
    "wheel": replace(EMULATED, wheels=WHEELS | {"one": "x = 1"}),
    "companion": replace(EMULATED, wheels=WHEELS | {"beside": "x = 1"}),
    "companions": replace(EMULATED, cell=_subject(companions=())),
    "imports": replace(EMULATED, cell=_subject(imports=("one", "one.more"))),
    "call": replace(EMULATED, cell=_subject(call="one")),
    "image": replace(EMULATED, image="another"),
    "interpreter": replace(
        EMULATED, cell=replace(CELL, target=replace(CELL.target, interpreter="python3.11"))
    ),
    "probe": replace(EMULATED, code=(PROBE, "MORE = 1")),
    "judge": replace(EMULATED, code=(JUDGE, "MORE = 1")),
    "system calls": replace(EMULATED, seccomp='{"defaultAction": "SCMP_ACT_ERRNO"}'),
    "timeout": replace(EMULATED, limits=replace(LIMITS, timeout=59)),
    "quiet": replace(EMULATED, limits=replace(LIMITS, quiet=59)),
    "memory": replace(EMULATED, limits=_container(memory=1 << 29)),
    "pids": replace(EMULATED, limits=_container(pids=64)),
    "cpus": replace(EMULATED, limits=_container(cpus=2)),
    "tmpfs": replace(EMULATED, limits=_container(tmpfs=1 << 29 | 1)),
    "installer mode": replace(EMULATED, limits=replace(LIMITS, own_pip=True)),
    "emulator": replace(EMULATED, emulator="emulator 2"),
    "no emulator": replace(EMULATED, emulator=""),
    "CPU model": replace(EMULATED, qemu={"QEMU_CPU": "power9"}),
    "emulated page size": replace(EMULATED, qemu={**EMULATED.qemu, "QEMU_PAGESIZE": "65536"}),
    "page size": replace(NATIVE, page_size=65536),
    "CPU flags": replace(NATIVE, cpu="sse2 avx"),
    "kernel": replace(EMULATED, kernel="6.12.1"),
}
REUSED = {
    "nothing": EMULATED,
    "engine version": replace(EMULATED, engine="2"),
    "harness version": replace(EMULATED, harness="2"),
    "kernel patch level": replace(EMULATED, kernel="6.1.155"),
    "CPU flags under emulation": replace(EMULATED, cpu="sse2 avx"),
    "docstring": replace(EMULATED, code=(JUDGE, "'''More.'''")),
    "report": replace(EMULATED, code=("harness/report/terminal.py", "MORE = 1")),
    "target name": replace(EMULATED, cell=replace(CELL, target=replace(CELL.target, id="there"))),
}


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Return what changes this machine and program; the key of the code is forgotten after it."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")  # wheels are reproducible
    yield monkeypatch
    result_keys._code.cache_clear()


def _observe(now: Circumstances, folder: Path, patch: pytest.MonkeyPatch) -> Observation:
    """Observe the cell and store it; each call is a run of its own, with the same store."""
    folder.mkdir()
    with patch.context() as changed:
        _change(now, folder, changed)
        journal, store = Journal(folder / "journal"), folder.parent / "store.db"
        images = LocalImages()
        images.image = replace(IMAGE, id=now.image)
        with (
            open_earlier_results(store) as earlier,
            local_prober(
                dict(now.wheels),
                journal,
                engine=AnsweringEngine(now.engine, now.kernel),
                images=images,
                memory=earlier,
                limits=now.limits,
                emulator=now.emulator,
            ) as prober,
        ):
            seen = prober.observe(now.cell)
    with open_store(store, write=True) as writable:
        Recorder(writable, writable.begin((now.cell,))).take(read_events(journal.path)[0])
    return seen


def _change(now: Circumstances, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Make this machine and program what ``now`` says."""
    arch = replace(CELL.target.arch, qemu_env=tuple(now.qemu.items()))
    patch.setattr(Target, "arch", property(lambda _: arch))
    patch.setattr(result_keys, "_cpu_features", lambda: now.cpu)
    patch.setattr(result_keys, "seccomp_profile", lambda: now.seccomp)
    patch.setattr("harness.probe.result_keys.os.sysconf", lambda _: now.page_size)
    patch.setattr("harness.probe.prepared_cell.__version__", now.harness)
    name, more = now.code
    if name:
        shutil.copytree(ROOT / "harness", folder / "harness")
        with (folder / name).open("a") as source:
            source.write(f"\n{more}\n")
        patch.setattr(result_keys, "code_key", partial(code_key, root=folder))
    result_keys._code.cache_clear()


@pytest.mark.parametrize("change", MEASURED)
def test_result_depends_on(patch: pytest.MonkeyPatch, tmp_path: Path, change: str) -> None:
    """A change of this part alone measures the cell anew; without one it is reused."""
    now = MEASURED[change]
    before = NATIVE if now.emulator == "" and change != "no emulator" else EMULATED
    assert not _observe(before, tmp_path / "1", patch).cached
    assert _observe(before, tmp_path / "2", patch).cached
    assert not _observe(now, tmp_path / "3", patch).cached


@pytest.mark.parametrize("change", REUSED)
def test_result_does_not_depend_on(patch: pytest.MonkeyPatch, tmp_path: Path, change: str) -> None:
    """After a change of this part alone the stored result is reused, as it was measured."""
    first = _observe(EMULATED, tmp_path / "1", patch)
    again = _observe(REUSED[change], tmp_path / "2", patch)
    assert again.cached
    assert (again.provenance, again.measured_at) == (first.provenance, first.measured_at)


def test_provenance_records_what_is_not_in_the_key(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The versions of engine, harness and kernel are those of the measurement."""
    seen = _observe(replace(EMULATED, engine="3", harness="4"), tmp_path / "1", patch)
    assert (seen.provenance.engine, seen.provenance.harness) == ("3", "4")
