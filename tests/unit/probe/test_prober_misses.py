"""Misses of the prober: no image, no engine, no wheel, a lost container, a defect of its own."""

import re
from typing import Any

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.errors import BuildError, EngineError, HarnessError, ImageError, PackageIndexError
from harness.core.subjects import Subject, WheelRef
from harness.host.cache import CacheError
from harness.host.engine import ContainerSpec
from harness.host.engine.api import ContainerEnd
from harness.probe.journal import Journal, observations, read_events
from harness.wheels.provider import Refusal
from tests.support.local_engine import LocalChannel, LocalEngine
from tests.support.local_prober import (
    HERE,
    THIS_MACHINE,
    LocalImages,
    MadeWheels,
    local_cell,
    local_prober,
    modes_of,
)

KILLS_THE_AGENT = """
import os
stat = open("/proc/%d/stat" % os.getppid()).read()  # the runner's; field 4 is its parent
os.kill(int(stat.rpartition(")")[2].split()[1]), 9)
os.kill(os.getpid(), 9)
"""


def test_unavailable_image(journal: Journal, engine: LocalEngine) -> None:
    """Its cells are misses with its cause; it is requested once; other targets are probed."""
    error = ImageError("here: no such image", cause=Cause.NOT_FOUND)
    images = LocalImages({THIS_MACHINE.key: error})
    with local_prober({"one": "", "two": ""}, journal, engine=engine, images=images) as prober:
        seen = [prober.observe(local_cell("one"))]
        seen.append(prober.observe(local_cell("two", target="there")))
        seen.append(prober.observe(local_cell("two")))
    assert [s.outcome for s in seen] == [Outcome.MISS, Outcome.PASS, Outcome.MISS]
    assert {(s.stage, s.cause, s.evidence) for s in seen[::2]} == {
        (Stage.IMAGE, "infra:not-found", "here: no such image")
    }
    assert images.asked == [THIS_MACHINE.key, f"there/{HERE.name}"]


def test_engine_that_is_gone(journal: Journal, engine: LocalEngine) -> None:
    """An engine error is a miss; the next cell tries the engine again."""
    images = LocalImages({THIS_MACHINE.key: EngineError("the engine is gone")})
    with local_prober({"one": ""}, journal, engine=engine, images=images) as prober:
        first = prober.observe(local_cell("one"))
        images.errors.clear()
        second = prober.observe(local_cell("one"))
    assert (first.outcome, first.stage, first.cause) == (Outcome.MISS, Stage.IMAGE, "infra:engine")
    assert second.outcome is Outcome.PASS


def test_container_that_does_not_start(journal: Journal) -> None:
    """A container that does not start is a miss with the engine's message."""

    class Refusing(LocalEngine):
        def open(self, spec: ContainerSpec) -> LocalChannel:
            raise EngineError(f"{spec.image}: not today")

    with local_prober({"one": ""}, journal, engine=Refusing()) as prober:
        seen = prober.observe(local_cell("one"))
    assert (seen.outcome, seen.cause) == (Outcome.MISS, "infra:engine")
    assert seen.evidence == "this-machine: not today"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (BuildError("demo does not build"), "infra:build"),
        (PackageIndexError("no answer"), "infra:index"),
        (CacheError("no space left"), "infra:disk"),
    ],
)
def test_unavailable_wheel(
    journal: Journal, engine: LocalEngine, error: HarnessError, cause: str
) -> None:
    """An unavailable wheel is a miss with its cause, and the session stays open."""
    with local_prober({"one": error, "two": ""}, journal, engine=engine) as prober:
        seen = prober.observe(local_cell("one"))
        assert prober.observe(local_cell("two")).outcome is Outcome.PASS
    assert (seen.outcome, seen.stage, seen.cause) == (Outcome.MISS, Stage.WHEEL, cause)
    assert (seen.evidence, seen.attempts) == (str(error), ())
    assert len(engine.opened) == 1


def test_defect_of_this_program_is_a_miss(
    journal: Journal, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected exception is a journaled miss with its traceback; the run continues."""
    wheels_for = MadeWheels.wheels_for

    def fail(source: MadeWheels, subject: Subject, *rest: Any) -> tuple[WheelRef, ...] | Refusal:  # noqa: ANN401
        return wheels_for(source, subject, *rest) if subject.id == "two" else 1 // 0  # type: ignore[return-value]

    monkeypatch.setattr(MadeWheels, "wheels_for", fail)
    with local_prober({"two": ""}, journal, engine=engine) as prober:
        seen = [prober.observe(local_cell("one")), prober.observe(local_cell("two"))]
    first, second = seen
    assert (first.outcome, first.cause, second.outcome) == (
        Outcome.MISS,
        "infra:harness",
        Outcome.PASS,
    )
    assert first.evidence.endswith("ZeroDivisionError: integer division or modulo by zero")
    assert first.log.startswith("Traceback")
    events, _ = read_events(journal.path)
    assert list(observations(events)) == seen
    assert len(engine.opened) == 2


def test_lost_session_costs_one_cell(journal: Journal, engine: LocalEngine) -> None:
    """A container that ends twice is a miss of that cell; the next cell gets a new one."""
    images = LocalImages()
    with local_prober(
        {"one": KILLS_THE_AGENT, "two": ""}, journal, engine=engine, images=images
    ) as prober:
        seen = [prober.observe(local_cell("one")), prober.observe(local_cell("two"))]
    assert [s.outcome for s in seen] == [Outcome.MISS, Outcome.PASS]
    assert seen[0].cause == "infra:agent-gone"
    assert [[mode for mode, _ in modes] for modes in modes_of(journal)] == [
        ["session", "fresh"],
        ["session"],
    ]
    assert len(engine.opened) == 3
    assert images.asked == [THIS_MACHINE.key]


@pytest.mark.parametrize(
    ("end", "seen", "evidence"),
    [
        (
            ContainerEnd(out_of_memory=True),
            (Outcome.CRASHED, "memory-limit"),
            "the container ended",
        ),
        (ContainerEnd(status=139), (Outcome.CRASHED, "signal"), "process 1 .* killed by SIGSEGV"),
        (ContainerEnd(status=143), (Outcome.MISS, "infra:agent-gone"), "the container ended"),
        (ContainerEnd(status=1), (Outcome.MISS, "infra:agent-gone"), "the container ended"),
    ],
)
def test_end_of_a_container(
    journal: Journal,
    engine: LocalEngine,
    monkeypatch: pytest.MonkeyPatch,
    end: ContainerEnd,
    seen: tuple[Outcome, str],
    evidence: str,
) -> None:
    """A limit that it exceeded and a fault in it are crashes of the wheel; the rest is a miss."""
    monkeypatch.setattr(LocalChannel, "ending", lambda _: end)
    with local_prober({"one": KILLS_THE_AGENT}, journal, engine=engine) as prober:
        observed = prober.observe(local_cell("one"))
    assert (observed.outcome, observed.cause) == seen
    assert re.match(evidence, observed.evidence)
