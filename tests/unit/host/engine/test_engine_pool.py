"""The pool of engines: ranked for each arch, left alone after they failed, asked again later."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.core.arches import Arch, find_arch
from harness.core.engine_places import HERE, parse_place
from harness.core.errors import EngineError, UsageError
from harness.host.engine import Engine
from harness.host.engine.api import MachineRun
from harness.host.engine.engine_pool import AGAIN_SECONDS, MOST_LOSSES, EnginePool
from tests.support.local_engine import LocalEngine

ARM, Z = find_arch("aarch64"), find_arch("s390x")


class Engines:
    """Engines by address: the machine of each, or the error of its connection."""

    def __init__(self, **machines: str | Exception) -> None:
        self.machines: dict[str, str | Exception] = {"here": "x86_64", **machines}
        self.emulate = "7.2"
        self.real: dict[str, str] = {}
        """The machine of an engine that says it is another one."""
        self.processors = 4
        self.opened: list[str] = []
        self.warned: list[str] = []
        self.now = 0.0

    def open(self, address: str) -> Engine:
        name = address or "here"
        self.opened.append(name)
        machine = self.machines[name]
        if isinstance(machine, Exception):
            raise machine
        engine = LocalEngine()
        engine.details = replace(
            engine.details, arch=machine, processors=self.processors, host=name
        )
        return engine

    def examine(self, engine: Engine, arch: Arch) -> MachineRun:
        info = engine.info()
        native = self.real.get(info.host, info.arch) in arch.machines
        if native or self.emulate:
            return MachineRun(machine=arch.machines[0], emulator="" if native else self.emulate)
        return MachineRun(error="exec format error")

    def pool(self, *places: str, turn: int = 0) -> EnginePool:
        return EnginePool(
            tuple(map(parse_place, places)), self.open, self.examine,
            warn=self.warned.append, turn=turn, clock=lambda: self.now,
        )  # fmt: skip


def names(pool: EnginePool, arch: Arch = ARM) -> list[str]:
    return [each.address for each in pool.ranked(arch)]


def test_engines_are_opened_when_their_arch_is_needed_and_once() -> None:
    engines = Engines(arm="aarch64", z="s390x")
    pool = engines.pool("aarch64=arm", "s390x=z")
    assert names(pool) == ["arm", HERE]
    assert names(pool) == ["arm", HERE]
    assert engines.opened == ["arm", "here"]
    assert names(pool, Z) == ["z", HERE]
    assert engines.warned == []


def test_workers_begin_with_different_engines() -> None:
    engines = Engines(one="aarch64", two="aarch64")
    places = ("aarch64=one", "aarch64=two")
    assert names(engines.pool(*places, turn=0)) == ["one", "two", HERE]
    assert names(engines.pool(*places, turn=1)) == ["two", "one", HERE]


def test_an_engine_of_another_arch_emulates_and_is_named() -> None:
    engines = Engines(big="x86_64")
    assert names(engines.pool("aarch64=big")) == ["big", HERE]
    (line,) = engines.warned
    assert line.startswith("engine big: declared for aarch64, but its machine is x86_64: ")
    assert line.endswith("it emulates aarch64 with QEMU 7.2")


def test_an_engine_of_another_arch_without_emulation_gets_no_cell() -> None:
    engines = Engines(big="x86_64")
    engines.emulate = ""
    pool = engines.pool("aarch64=big")
    assert names(pool) == [HERE]
    assert names(pool) == [HERE]
    (line,) = engines.warned
    assert "declared for aarch64, but its machine is x86_64 and does not run aarch64" in line
    assert "(exec format error): others take these cells; install qemu-user-static there" in line


def test_an_engine_of_another_arch_than_it_says_comes_after_native_ones() -> None:
    engines = Engines(liar="aarch64", arm="aarch64")
    engines.real["liar"] = "x86_64"
    assert names(engines.pool("aarch64=liar", "aarch64=arm")) == ["arm", "liar", HERE]
    (line,) = engines.warned
    assert line.startswith(
        "engine liar: it says that its machine is aarch64, but it runs aarch64 with QEMU 7.2; "
    )


def test_processors_are_those_of_the_engines_that_get_the_cells() -> None:
    engines = Engines(one="aarch64", two="aarch64", slow="x86_64")
    pool = engines.pool("aarch64=one", "aarch64=two", "aarch64=slow", "s390x=slow")
    assert pool.processors([ARM]) == 8
    assert pool.processors([ARM, Z]) == 12


def test_no_processors_without_an_engine() -> None:
    with pytest.raises(EngineError, match="stopped"):
        Engines(here=EngineError("stopped")).pool().processors([ARM])


def test_a_machine_without_emulation_takes_no_cells_of_a_lost_engine() -> None:
    engines = Engines(arm="aarch64")
    engines.emulate = ""
    pool = engines.pool("aarch64=arm")
    pool.lose(pool.ranked(ARM)[0], EngineError("gone"))
    with pytest.raises(EngineError, match="gone; and this machine does not run aarch64"):
        pool.ranked(ARM)


@pytest.mark.parametrize(
    "error", [EngineError("engine arm: no route; is it on?"), UsageError("no context is named arm")]
)
def test_an_engine_that_does_not_answer_is_named_once(error: Exception) -> None:
    engines = Engines(arm=error)
    pool = engines.pool("aarch64=arm")
    assert names(pool) == [HERE]
    assert names(pool) == [HERE]
    assert engines.opened == ["arm", "here"]
    assert engines.warned == [f"engine arm: {str(error).removeprefix('engine arm: ')}"]


def test_a_lost_engine_is_asked_again_after_some_minutes() -> None:
    engines = Engines(arm="aarch64")
    pool = engines.pool("aarch64=arm")
    pool.lose(pool.ranked(ARM)[0], EngineError("gone"))
    assert names(pool) == [HERE]
    engines.now += AGAIN_SECONDS + 1
    assert names(pool) == ["arm", HERE]
    assert engines.warned == ["engine arm: gone"]


def test_an_engine_that_failed_often_is_not_asked_again() -> None:
    engines = Engines(arm="aarch64")
    pool = engines.pool("aarch64=arm")
    for _ in range(MOST_LOSSES):
        pool.lose(pool.ranked(ARM)[0], EngineError("gone"))
        engines.now += AGAIN_SECONDS + 1
    assert names(pool) == [HERE]


def test_this_machine_s_engine_is_asked_again_at_once_if_no_other_is_left() -> None:
    engines = Engines(arm=EngineError("gone"))
    pool = engines.pool("aarch64=arm")
    pool.lose(pool.ranked(ARM)[0], EngineError("stopped"))
    assert names(pool) == [HERE]
    engines.machines["here"] = EngineError("still stopped")
    pool.lose(pool.ranked(ARM)[0], EngineError("stopped"))
    with pytest.raises(EngineError, match="still stopped"):
        pool.ranked(ARM)


def failing_examination(error: EngineError) -> Callable[[Engine, Arch], MachineRun]:
    def examine(engine: Engine, arch: Arch) -> MachineRun:
        if engine.info().arch in arch.machines:
            raise error
        return MachineRun(machine=arch.machines[0], emulator="7.2")

    return examine


def test_an_engine_without_room_is_left_alone() -> None:
    engines = Engines(arm="aarch64")
    full = EngineError("the container engine's disk is full; free space there")
    pool = EnginePool(
        (parse_place("aarch64=arm"),), engines.open, failing_examination(full),
        warn=engines.warned.append,
    )  # fmt: skip
    assert names(pool) == [HERE]
    assert engines.warned == [f"engine arm: {full}"]


@pytest.mark.parametrize("error", [EngineError("stopped"), UsageError("no such runtime")])
def test_without_declared_engines_each_error_is_raised(error: Exception) -> None:
    engines = Engines(here=error)
    pool = engines.pool()
    for _ in range(2):
        with pytest.raises(type(error), match=str(error)):
            pool.ranked(ARM)
    assert engines.opened == ["here", "here"]
    assert engines.warned == []


def test_containers_of_killed_runs_are_removed_from_every_engine() -> None:
    engines = Engines(arm="aarch64", z=EngineError("gone"))
    engines.pool("aarch64=arm", "s390x=z").reap()
    assert engines.opened == ["arm", "z", "here"]
