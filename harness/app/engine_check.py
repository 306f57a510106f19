"""Check declared engines: what runs there natively or emulated, their room and latency."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

from harness.core.arches import ARCHES, Arch
from harness.core.engine_places import HERE, EnginePlace, engine_title, is_native, wrong_machine
from harness.core.errors import HarnessError
from harness.host.cache import Cache
from harness.host.doctor.check import Check, MachinePart
from harness.host.doctor.checks import ROOMY
from harness.host.engine import Engine
from harness.host.engine.api import EngineInfo, MachineRun
from harness.host.engine.docker import connect
from harness.images.engine_machine import run_on_engine

PINGS = 3
"""The quickest of these is an engine's latency."""


def check_declared(places: Sequence[EnginePlace], cache: Cache) -> tuple[Check, ...]:
    """Return a check of each declared engine and of this machine's. All run at the same time."""
    addresses = dict.fromkeys((*(place.address for place in places), HERE))
    declared = {at: [p.arch for p in places if p.address == at] for at in addresses}
    with ThreadPoolExecutor(len(declared)) as pool:
        return tuple(pool.map(partial(_check, cache=cache), declared, declared.values()))


def _check(address: str, declared: Sequence[str], cache: Cache) -> Check:
    try:
        with closing(connect(address=address)) as engine:
            info, latency = engine.info(), _latency(engine)
            runs = {arch.name: run_on_engine(engine, arch, cache) for arch in ARCHES}
    except HarnessError as error:
        detail, _, remedy = str(error).removeprefix(f"{engine_title(address)}: ").partition("; ")
        return _result(address, ok=False, detail=detail, remedy=remedy)
    return engine_check(address, declared, info, runs, latency)


def engine_check(
    address: str,
    declared: Sequence[str],
    info: EngineInfo,
    runs: dict[str, MachineRun],
    latency: float,
) -> Check:
    """Return the check of an engine that answered after ``latency`` seconds. Pure."""
    ran = {name: run for name, run in runs.items() if not run.error}
    native = [name for name in ran if not ran[name].emulator]
    versions = sorted({run.emulator for run in ran.values() if run.emulator})
    emulated = [f"{name}" for name in ran if ran[name].emulator]
    room = max((run.room for run in ran.values()), default=0)
    machine = f"{info.arch}, kernel {info.kernel}, {info.processors} processors"
    parts = [
        f"docker {info.version} on {info.host} ({machine}, {info.memory / (1 << 30):.1f} GiB)",
        f"native: {' '.join(native) or 'none'}",
        f"emulated: {' '.join(emulated)} (QEMU {', '.join(versions)})" if emulated else "",
        f"{room / (1 << 30):.1f} GiB free" if room else "",
        f"answers in {1000 * latency:.1f} ms",
    ]
    problem = _problem(declared, info, runs, room)
    return _result(address, ok=not problem, detail="; ".join(filter(None, parts)), remedy=problem)


def _problem(
    declared: Sequence[str], info: EngineInfo, runs: dict[str, MachineRun], room: int
) -> str:
    """Return what is wrong with an engine, with the next step."""
    lacking = [name for name in declared if runs[name].error]
    if lacking:
        return (
            f"declared for {' '.join(lacking)}, which does not run there ({info.arch}); "
            "install qemu-user-static there, or name another engine"
        )
    for arch in ARCHES:
        if wrong := wrong_machine(info.arch, arch, runs[arch.name].emulator):
            return f"{wrong}; native engines come before it"
    if 0 < room < ROOMY:
        return f"a whole run may need {ROOMY >> 30} GiB there"
    foreign = [each.name for each in _arches(declared) if not is_native(info.arch, each)]
    emulated = [name for name in foreign if runs[name].emulator]
    return f"declared for {' '.join(emulated)}, which it emulates" if emulated else ""


def _arches(names: Sequence[str]) -> list[Arch]:
    return [arch for arch in ARCHES if arch.name in names]


def _latency(engine: Engine) -> float:
    """Return the seconds of the quickest of some pings."""
    seconds = []
    for _ in range(PINGS):
        start = time.perf_counter()
        engine.ping()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _result(address: str, *, ok: bool, detail: str, remedy: str) -> Check:
    return Check(
        part=MachinePart.DECLARED_ENGINE,
        name=engine_title(address),
        ok=ok,
        detail=detail,
        remedy=remedy,
        blocking=False,
    )
