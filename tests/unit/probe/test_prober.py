"""The prober with the real session and the real agent, on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import __version__
from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import (
    BuildError,
    EngineError,
    HarnessError,
    ImageError,
    PackageIndexError,
    UsageError,
)
from harness.core.subjects import IndexSource, Subject, WheelRef
from harness.core.targets import Target
from harness.host.cache import CacheError
from harness.host.engine import ContainerSpec
from harness.probe.jobs import ProbeResult
from harness.probe.journal import Journal, observations, read_events
from harness.wheels.provider import Refusal
from tests.support.local_engine import LocalChannel, LocalEngine
from tests.support.local_prober import HERE, IMAGE, Answer, LocalImages, MadeWheels, local_prober

KILLS_THE_AGENT = """
import os
stat = open("/proc/%d/stat" % os.getppid()).read()  # the runner's; field 4 is its parent
os.kill(int(stat.rpartition(")")[2].split()[1]), 9)
os.kill(os.getpid(), 9)
"""
BROKEN = "raise ImportError('broken on purpose')"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl", "gw7")


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    """Return an engine that no prober may leave a process in."""
    made = LocalEngine()
    yield made
    assert all(channel.process.poll() is not None for channel in made.opened)


def _target(target_id: str = "here") -> Target:
    return Target(
        id=target_id,
        arch_name=HERE.name,
        title="this machine",
        python="3.11",
        libc="glibc",
        interpreter="python3",
    )


def _cell(name: str, *, target: str = "here", companions: tuple[str, ...] = ()) -> Cell:
    subject = Subject(
        id=name,
        group="tests",
        source=IndexSource(name=name, version="1.0"),
        imports=(name,),
        companions=tuple(IndexSource(name=each, version="1.0") for each in companions),
    )
    return Cell(target=_target(target), subject=subject)


def _modes(journal: Journal) -> list[list[tuple[str, Outcome]]]:
    events, _ = read_events(journal.path)
    return [[(a.mode, a.outcome) for a in seen.attempts] for seen in observations(events)]


def test_a_pass_is_believed_at_once(journal: Journal, engine: LocalEngine) -> None:
    """What passes in the session is probed once, and the session serves the next cell too."""
    with local_prober({"one": "", "two": ""}, journal, engine=engine) as prober:
        seen = [prober.observe(_cell("one")), prober.observe(_cell("two"))]
    assert [s.outcome for s in seen] == [Outcome.PASS, Outcome.PASS]
    assert _modes(journal) == [[("session", Outcome.PASS)]] * 2
    assert len(engine.opened) == 1


def test_what_does_not_pass_is_confirmed(journal: Journal, engine: LocalEngine) -> None:
    """A non-pass is probed again in a container of its own."""
    with local_prober({"one": BROKEN}, journal, engine=engine) as prober:
        seen = prober.observe(_cell("one"))
    assert (seen.outcome, seen.stage) == (Outcome.IMPORT_FAILED, Stage.IMPORT)
    assert "broken on purpose" in seen.evidence
    failed = Outcome.IMPORT_FAILED
    assert _modes(journal) == [[("session", failed), ("unpacked", failed)]]
    assert len(engine.opened) == 2


def test_a_twin_installs(journal: Journal, engine: LocalEngine) -> None:
    """What a native twin installed is imported here, and a failure is confirmed by other ways."""
    answers: dict[str, Answer] = {"one": "import beside", "beside": "", "bad": BROKEN}
    with local_prober(answers, journal, engine=engine, native=[_target()]) as prober:
        for name in ("one", "bad"):
            prober.observe(_cell(name, companions=("beside",)))
    failed = Outcome.IMPORT_FAILED
    assert _modes(journal) == [
        [("native", Outcome.PASS)],
        [("native", failed), ("unpacked", failed)],
    ]
    assert len(engine.opened) == 3


def test_what_a_twin_cannot_install_is_confirmed_by_the_targets_own_pip(
    journal: Journal, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A twin's pip paints no cell red by itself."""
    monkeypatch.setattr("harness.probe.native_installer.Session.install", _installs_nothing)
    with local_prober({"one": ""}, journal, engine=engine, native=[_target()]) as prober:
        seen = prober.observe(_cell("one"))
    assert seen.outcome is Outcome.PASS
    assert _modes(journal) == [[("native", Outcome.INSTALL_FAILED), ("fresh", Outcome.PASS)]]


def _installs_nothing(*_: object) -> tuple[ProbeResult, bytes, float]:
    failure = ProbeResult(
        outcome=Outcome.INSTALL_FAILED,
        stage=Stage.INSTALL,
        cause="",
        evidence="it cannot",
        log="",
        seconds=0.0,
    )
    return failure, b"", 0.0


def test_own_pip_asks_no_twin(journal: Journal, engine: LocalEngine) -> None:
    """Who wants to know of the target's own pip gets that for every wheel."""
    with local_prober(
        {"one": ""}, journal, engine=engine, native=[_target()], own_pip=True
    ) as prober:
        own = prober.observe(_cell("one"))
    with local_prober({"one": ""}, journal, engine=engine, native=[_target()]) as prober:
        native = prober.observe(_cell("one"))
    assert _modes(journal) == [[("session", Outcome.PASS)], [("native", Outcome.PASS)]]
    assert own.key != native.key


def test_a_refusal_that_pip_lists_is_believed(journal: Journal, engine: LocalEngine) -> None:
    """Where pip's own list has none of the wheel's tags, its refusal is no accident.

    With a ``--target`` pips before 20.3 do not look, so that the list alone says it.
    """
    with local_prober({"one": ""}, journal, engine=engine, tag="cp27-cp27m-win32") as prober:
        seen = prober.observe(_cell("one"))
    assert (seen.outcome, seen.stage, seen.cause) == (
        Outcome.REFUSED,
        Stage.INSTALL,
        "tag-refused",
    )
    assert _modes(journal) == [[("session", Outcome.REFUSED)]]
    assert len(engine.opened) == 1


def test_the_confirmation_decides(journal: Journal, engine: LocalEngine, tmp_path: Path) -> None:
    """A failure that does not happen again is a pass, and all attempts are kept."""
    flag = tmp_path / "flag"
    code = (
        f"import os\nif not os.path.exists({str(flag)!r}):\n"
        f"    open({str(flag)!r}, 'w').close()\n    {BROKEN}"
    )
    with local_prober({"one": code}, journal, engine=engine) as prober:
        seen = prober.observe(_cell("one"))
    assert (seen.outcome, seen.evidence) == (Outcome.PASS, "")
    assert _modes(journal) == [
        [
            ("session", Outcome.IMPORT_FAILED),
            ("unpacked", Outcome.PASS),
            ("fresh", Outcome.PASS),
        ]
    ]


def test_an_image_that_cannot_be_had(journal: Journal, engine: LocalEngine) -> None:
    """Its cells are misses with its cause, it is asked for once, and other targets go on."""
    error = ImageError("here: no such image", cause=Cause.NOT_FOUND)
    images = LocalImages({_target().key: error})
    with local_prober({"one": "", "two": ""}, journal, engine=engine, images=images) as prober:
        seen = [prober.observe(_cell("one")), prober.observe(_cell("two", target="there"))]
        seen.append(prober.observe(_cell("two")))
    assert [s.outcome for s in seen] == [Outcome.MISS, Outcome.PASS, Outcome.MISS]
    assert {(s.stage, s.cause, s.evidence) for s in seen[::2]} == {
        (Stage.IMAGE, "infra:not-found", "here: no such image")
    }
    assert images.asked == [_target("here").key, _target("there").key]


def test_an_engine_that_is_gone(journal: Journal, engine: LocalEngine) -> None:
    """An engine error is a miss, and the next cell asks anew: the engine may be back."""
    images = LocalImages({_target().key: EngineError("the engine is gone")})
    with local_prober({"one": ""}, journal, engine=engine, images=images) as prober:
        first = prober.observe(_cell("one"))
        images.errors.clear()
        second = prober.observe(_cell("one"))
    assert (first.outcome, first.stage, first.cause) == (
        Outcome.MISS,
        Stage.IMAGE,
        "infra:engine",
    )
    assert second.outcome is Outcome.PASS


def test_an_engine_that_starts_nothing(journal: Journal) -> None:
    """A container that does not start is a miss with what the engine says."""

    class Refusing(LocalEngine):
        def open(self, spec: ContainerSpec) -> LocalChannel:
            raise EngineError(f"{spec.image}: not today")

    with local_prober({"one": ""}, journal, engine=Refusing()) as prober:
        seen = prober.observe(_cell("one"))
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
def test_a_wheel_that_cannot_be_had(
    journal: Journal, engine: LocalEngine, error: HarnessError, cause: str
) -> None:
    """A wheel that cannot be had is a miss with its cause, and the session stays open."""
    with local_prober({"one": error, "two": ""}, journal, engine=engine) as prober:
        seen = prober.observe(_cell("one"))
        assert prober.observe(_cell("two")).outcome is Outcome.PASS
    assert (seen.outcome, seen.stage, seen.cause) == (Outcome.MISS, Stage.WHEEL, cause)
    assert (seen.evidence, seen.attempts) == (str(error), ())
    assert len(engine.opened) == 1


def test_defect_of_this_program_is_a_miss(
    journal: Journal, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that nobody expects is a journaled miss with its traceback; the run goes on."""
    wheels_for = MadeWheels.wheels_for

    def fail(source: MadeWheels, subject: Subject, *rest: Any) -> tuple[WheelRef, ...] | Refusal:  # noqa: ANN401
        return wheels_for(source, subject, *rest) if subject.id == "two" else 1 // 0  # type: ignore[return-value]

    monkeypatch.setattr(MadeWheels, "wheels_for", fail)
    with local_prober({"two": ""}, journal, engine=engine) as prober:
        seen = [prober.observe(_cell("one")), prober.observe(_cell("two"))]
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


def test_a_lost_session_costs_one_cell(journal: Journal, engine: LocalEngine) -> None:
    """A container that ends twice is a miss of that cell; the next cell gets a new one."""
    images = LocalImages()
    with local_prober(
        {"one": KILLS_THE_AGENT, "two": ""}, journal, engine=engine, images=images
    ) as prober:
        seen = [prober.observe(_cell("one")), prober.observe(_cell("two"))]
    assert [s.outcome for s in seen] == [Outcome.MISS, Outcome.PASS]
    assert seen[0].cause == "infra:agent-gone"
    assert [[mode for mode, _ in modes] for modes in _modes(journal)] == [
        ["session", "fresh"],
        ["session"],
    ]
    assert len(engine.opened) == 3
    assert images.asked == [_target().key]


def test_out_of_memory_is_the_wheels_doing(
    journal: Journal, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that the engine ended for its memory is a crash of the wheel."""
    monkeypatch.setattr(LocalChannel, "memory_exceeded", lambda _: True)
    with local_prober({"one": KILLS_THE_AGENT}, journal, engine=engine) as prober:
        seen = prober.observe(_cell("one"))
    assert (seen.outcome, seen.cause) == (Outcome.CRASHED, "memory-limit")


def test_what_is_observed_is_predicted_too(journal: Journal, engine: LocalEngine) -> None:
    """A prediction stands beside what was seen, and changes nothing of it."""
    with local_prober({"good": "", "bad": BROKEN}, journal, engine=engine) as prober:
        good, bad = (prober.observe(_cell(name)) for name in ("good", "bad"))
    assert good.prediction is not None
    assert good.prediction.outcome is Outcome.PASS
    assert bad.prediction is not None
    assert (bad.outcome, bad.prediction.outcome, bad.cause) == (
        Outcome.IMPORT_FAILED,
        Outcome.PASS,
        "",
    )


def test_a_refused_subject_is_not_probed(journal: Journal, engine: LocalEngine) -> None:
    """Where no wheel is for the target, the reason is the evidence and nothing is tried."""
    answers: dict[str, Answer] = {"one": Refusal(reason="all 9 wheels are for musl")}
    with local_prober(answers, journal, engine=engine) as prober:
        seen = prober.observe(_cell("one"))
    assert (seen.outcome, seen.stage, seen.cause) == (Outcome.REFUSED, Stage.WHEEL, "tag-refused")
    assert (seen.evidence, seen.wheel, seen.attempts) == ("all 9 wheels are for musl", None, ())
    assert seen.provenance.image == IMAGE


def test_companions(journal: Journal, engine: LocalEngine) -> None:
    """A companion is installed beside the subject; one that is refused refuses the subject."""
    answers: dict[str, Answer] = {
        "one": "import beside",
        "beside": "",
        "absent": Refusal(reason="absent has no wheel here"),
    }
    with local_prober(answers, journal, engine=engine) as prober:
        passed = prober.observe(_cell("one", companions=("beside",)))
        refused = prober.observe(_cell("one", companions=("beside", "absent")))
    assert (passed.outcome, refused.outcome) == (Outcome.PASS, Outcome.REFUSED)
    assert passed.wheel is not None
    assert passed.wheel.filename == "one-1.0-py3-none-any.whl"
    assert refused.evidence == "absent has no wheel here"


def test_provenance(journal: Journal, engine: LocalEngine) -> None:
    """An observation says what it depends on; equal passports have equal names."""
    with local_prober({"one": "", "two": BROKEN}, journal, engine=engine) as prober:
        passport = prober.passport(_target())
        one, two = prober.observe(_cell("one")), prober.observe(_cell("two"))
    found = one.provenance
    assert found == two.provenance
    assert len(found.passport_id) == 32
    assert (found.page_size, found.kernel) == (passport.page_size, passport.kernel)
    assert (found.image, found.engine, found.harness) == (IMAGE, "local", __version__)
    assert found.qemu == f"emulator of {HERE.name}"


def test_seconds_and_time(journal: Journal, engine: LocalEngine) -> None:
    """All attempts count as probing, the total has the rest too, and the time is in UTC."""
    with local_prober({"one": BROKEN}, journal, engine=engine) as prober:
        seen = prober.observe(_cell("one"))
    assert seen.seconds["probe"] == pytest.approx(sum(a.seconds for a in seen.attempts), abs=0.01)
    assert 0 < seen.seconds["probe"] < seen.seconds["total"]
    assert seen.measured_at.endswith("+00:00")


def test_the_journal_tells_what_happens(journal: Journal, engine: LocalEngine) -> None:
    """Every phase is announced, timed and ends idle; the observation is told as it is returned."""
    with local_prober({"one": ""}, journal, engine=engine) as prober:
        seen = prober.observe(_cell("one"))
    events, _ = read_events(journal.path)
    assert list(observations(events)) == [seen]
    assert {event["worker"] for event in events} == {"gw7"}
    activities = [(e["target"], e["doing"]) for e in events if e["event"] == "activity"]
    assert activities == [
        (_target().key, doing)
        for doing in (
            "getting the image",
            "starting the interpreter",
            "fetching one",
            "probing one",
            "",
        )
    ]
    phases = [e["phase"] for e in events if e["event"] == "phase"]
    assert phases == ["images", "sessions", "wheels", "probes"]


def test_one_target_at_a_time(journal: Journal, engine: LocalEngine) -> None:
    """A prober leaves a target before it opens the next."""
    images = LocalImages(each=True)
    with local_prober({"one": ""}, journal, engine=engine, images=images) as prober:
        prober.observe(_cell("one"))
        prober.observe(_cell("one", target="there"))
        ended = [channel.process.poll() is not None for channel in engine.opened]
    assert ended == [True, False]


def test_what_two_targets_share_is_measured_once(journal: Journal, engine: LocalEngine) -> None:
    """A target with the image of one before it starts nothing, and each cell says where it was."""
    with local_prober({"one": "", "two": BROKEN}, journal, engine=engine) as prober:
        first = [prober.observe(_cell(name)) for name in ("one", "two")]
        opened = len(engine.opened)
        second = [prober.observe(_cell(name, target="there")) for name in ("one", "two")]
        assert len(engine.opened) == opened
    assert [(s.outcome, s.evidence) for s in second] == [(s.outcome, s.evidence) for s in first]
    assert [s.measured_on for s in (*first, *second)] == ["", "", *(s.cell for s in first)]
    assert not any(s.cached for s in second)


def test_a_cell_that_is_asked_for_again_is_measured_again(
    journal: Journal, engine: LocalEngine
) -> None:
    """Only other targets are spared: who observes a cell twice wants to know if it is flaky."""
    with local_prober({"one": ""}, journal, engine=engine) as prober:
        seen = [prober.observe(_cell("one")) for _ in range(2)]
    assert [len(s.attempts) for s in seen] == [1, 1]
    assert [s.measured_on for s in seen] == ["", ""]


def test_repro_needs_a_wheel(journal: Journal, engine: LocalEngine) -> None:
    """A line to reproduce a cell names its wheels; where all are refused there is none."""
    answers: dict[str, Answer] = {"one": "", "two": Refusal(reason="all 9 wheels are for musl")}
    with local_prober(answers, journal, engine=engine) as prober:
        line = prober.repro_command(_cell("one"))
        with pytest.raises(UsageError, match=r"/two: there is nothing to run: all 9 wheels are"):
            prober.repro_command(_cell("two"))
    assert "one-1.0-py3-none-any.whl" in line
