"""Cells on several engines: a cell whose engine fails is probed on the next one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.cells import Outcome
from harness.core.engine_places import HERE, EnginePlace
from harness.core.errors import EngineError, ImageError
from harness.host.engine import ContainerSpec, Engine
from harness.host.engine.api import MachineRun
from harness.host.engine.engine_pool import EnginePool, PooledEngine
from harness.probe.engine_targets import EngineTargets
from harness.probe.journal import Journal, read_events
from harness.probe.open_target import TargetSessions
from harness.probe.prober import Prober
from harness.probe.result_cache import NoEarlierResults, ResultCache
from harness.probe.result_keys import cpu_features_key
from tests.support.local_engine import LocalChannel, LocalEngine
from tests.support.local_prober import HERE as ARCH
from tests.support.local_prober import LIMITS, LocalImages, MadeWheels, local_cell


class FailingEngine(LocalEngine):
    """An engine that stops when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.error: EngineError | None = None

    def ping(self) -> None:
        self._check()

    def open(self, spec: ContainerSpec) -> LocalChannel:
        self._check()
        return super().open(spec)

    def _check(self) -> None:
        if self.error:
            raise self.error


class Runs:
    """A prober over the engines ``one`` and ``two`` and this machine's."""

    def __init__(self, folder: Path) -> None:
        self.engines = {name: FailingEngine() for name in ("one", "two", HERE)}
        self.journal = Journal(folder / "journal.jsonl")
        self.made: list[str] = []
        places = [EnginePlace(arch=ARCH.name, address=name) for name in ("one", "two")]
        self.pool = EnginePool(places, self._open, lambda _, __: RUN, warn=self.journal.engine)
        wheels = MadeWheels({"first": "", "second": "", "third": ""}, folder, "py3-none-any")
        self.known = ResultCache(NoEarlierResults())
        self.prober = Prober(
            targets=EngineTargets(self.pool, self._sessions),
            wheels=wheels,
            journal=self.journal,
            known=self.known,
        )

    def _open(self, address: str) -> Engine:
        self.engines[address].ping()
        return self.engines[address]

    def _sessions(self, pooled: PooledEngine) -> TargetSessions:
        self.made.append(pooled.address)
        return TargetSessions(
            engine=pooled.engine,
            images=LocalImages(),
            journal=self.journal,
            emulator_version=lambda _: "",
            limits=LIMITS,
            known=self.known,
            engine_name=pooled.name,
            engine_machine=pooled.run_of if pooled.name else None,
        )

    def seen(self, name: str) -> tuple[str, str, int]:
        """Return the outcome of a cell, its engine, and its number of attempts."""
        found = self.prober.observe(local_cell(name))
        return found.outcome, found.provenance.engine_at, len(found.attempts)

    def failures(self) -> list[str]:
        events, _ = read_events(self.journal.path)
        return [event["failure"] for event in events if event["event"] == "engine"]


RUN = MachineRun(machine=ARCH.machines[0], page_size=1 << 16, cpuinfo="flags : own")
GONE = EngineError("no container engine can be reached")


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path)
    with made.prober:
        yield made


def test_a_cell_whose_engine_fails_is_probed_on_the_next(runs: Runs) -> None:
    """What was lost is no attempt and no verdict."""
    assert runs.seen("first") == (Outcome.PASS, "one", 1)
    runs.engines["one"].error = GONE
    runs.prober.leave()
    assert runs.seen("second") == (Outcome.PASS, "two", 1)
    runs.engines["two"].error = GONE
    runs.prober.leave()
    assert runs.seen("third") == (Outcome.PASS, "", 1)
    assert runs.failures() == [f"engine one: {GONE}", f"engine two: {GONE}"]
    assert runs.made == ["one", "two", HERE]


def test_a_cell_is_a_miss_if_every_engine_fails(runs: Runs) -> None:
    for engine in runs.engines.values():
        engine.error = GONE
    assert runs.seen("first") == (Outcome.MISS, "", 0)
    runs.engines[HERE].error = None
    assert runs.seen("second") == (Outcome.PASS, "", 1)


def test_a_missing_image_moves_no_cell(runs: Runs) -> None:
    assert runs.seen("first")[1] == "one"
    runs.prober.leave()
    runs.engines["one"].error = ImageError("no such image")
    assert runs.seen("second")[0] == Outcome.MISS
    assert runs.failures() == []


def test_the_session_of_an_engine_ends_before_another_serves(runs: Runs) -> None:
    assert runs.seen("first")[1] == "one"
    (channel,) = runs.engines["one"].opened
    runs.pool.lose(runs.pool.ranked(ARCH)[0], GONE)
    assert runs.seen("second")[1] == "two"
    assert channel.process.poll() is not None


def test_a_key_has_the_processor_and_the_page_of_the_engine_s_machine(runs: Runs) -> None:
    """A result from there is not one of this machine, and the other way round."""
    there = runs.prober.observe(local_cell("first"))
    environment = runs.prober._targets.at(local_cell("first").target).environment
    assert environment.page_size == 1 << 16
    runs.engines["one"].error = runs.engines["two"].error = GONE
    runs.prober.leave()
    here = runs.prober.observe(local_cell("first"))
    assert (there.provenance.engine_at, here.provenance.engine_at) == ("one", "")
    assert there.key != here.key
    assert environment.cpu_features == cpu_features_key("flags : own")
