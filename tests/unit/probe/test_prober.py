"""The prober with the real session and the real agent, on this machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness import __version__
from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import UsageError
from harness.core.subjects import DependencyOptions
from harness.probe.jobs import ProbeResult
from harness.probe.journal import Journal, observations, read_events
from harness.wheels.provider import Refusal
from tests.support.local_engine import LocalEngine
from tests.support.local_prober import (
    HERE,
    IMAGE,
    LIMITS,
    THIS_MACHINE,
    Answer,
    LocalImages,
    local_cell,
    local_prober,
    modes_of,
)

OWN_PIP = replace(LIMITS, own_pip=True)
BROKEN = "raise ImportError('broken on purpose')"


def test_pass_is_not_confirmed(journal: Journal, engine: LocalEngine) -> None:
    """A pass is probed once, and its session serves the next cell, too."""
    with local_prober({"one": "", "two": ""}, journal, engine=engine) as prober:
        seen = [prober.observe(local_cell("one")), prober.observe(local_cell("two"))]
    assert [s.outcome for s in seen] == [Outcome.PASS, Outcome.PASS]
    assert modes_of(journal) == [[("session", Outcome.PASS)]] * 2
    assert len(engine.opened) == 1


def test_failure_is_confirmed(journal: Journal, engine: LocalEngine) -> None:
    """A failure is probed again in a separate container."""
    with local_prober({"one": BROKEN}, journal, engine=engine) as prober:
        seen = prober.observe(local_cell("one"))
    assert (seen.outcome, seen.stage) == (Outcome.IMPORT_FAILED, Stage.IMPORT)
    assert "broken on purpose" in seen.evidence
    failed = Outcome.IMPORT_FAILED
    assert modes_of(journal) == [[("session", failed), ("unpacked", failed)]]
    assert len(engine.opened) == 2


def test_native_installation(journal: Journal, engine: LocalEngine) -> None:
    """A natively installed wheel is imported in the target; a failure is confirmed there."""
    answers: dict[str, Answer] = {"one": "import beside", "beside": "", "bad": BROKEN}
    with local_prober(answers, journal, engine=engine, native=[THIS_MACHINE]) as prober:
        for name in ("one", "bad"):
            prober.observe(local_cell(name, companions=("beside",)))
    failed = Outcome.IMPORT_FAILED
    assert modes_of(journal) == [
        [("native", Outcome.PASS)],
        [("native", failed), ("unpacked", failed)],
    ]
    assert len(engine.opened) == 3


def test_native_install_failure_is_confirmed_by_the_targets_pip(
    journal: Journal, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure of the native pip alone is not a result."""
    monkeypatch.setattr("harness.probe.native_installer.Session.install", _installs_nothing)
    with local_prober({"one": ""}, journal, engine=engine, native=[THIS_MACHINE]) as prober:
        seen = prober.observe(local_cell("one"))
    assert seen.outcome is Outcome.PASS
    assert modes_of(journal) == [[("native", Outcome.INSTALL_FAILED), ("fresh", Outcome.PASS)]]


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


def test_own_pip_installs_in_the_target(journal: Journal, engine: LocalEngine) -> None:
    """``--own-pip`` installs with the target's pip, and its results have other keys."""
    with local_prober(
        {"one": ""}, journal, engine=engine, native=[THIS_MACHINE], limits=OWN_PIP
    ) as prober:
        own = prober.observe(local_cell("one"))
    with local_prober({"one": ""}, journal, engine=engine, native=[THIS_MACHINE]) as prober:
        native = prober.observe(local_cell("one"))
    assert modes_of(journal) == [[("session", Outcome.PASS)], [("native", Outcome.PASS)]]
    assert own.key != native.key


def test_unlisted_wheel_is_refused_without_confirmation(
    journal: Journal, engine: LocalEngine
) -> None:
    """A refusal counts immediately if pip accepts none of the wheel's tags.

    pip before 20.3 does not check tags with ``--target``, so its list of tags decides.
    """
    with local_prober({"one": ""}, journal, engine=engine, tag="cp27-cp27m-win32") as prober:
        seen = prober.observe(local_cell("one"))
    assert (seen.outcome, seen.stage, seen.cause) == (Outcome.REFUSED, Stage.INSTALL, "tag-refused")
    assert modes_of(journal) == [[("session", Outcome.REFUSED)]]
    assert len(engine.opened) == 1


def test_last_attempt_counts(journal: Journal, engine: LocalEngine, tmp_path: Path) -> None:
    """A failure that is not repeated becomes a pass; all attempts are recorded."""
    flag = tmp_path / "flag"
    code = (
        f"import os\nif not os.path.exists({str(flag)!r}):\n"
        f"    open({str(flag)!r}, 'w').close()\n    {BROKEN}"
    )
    with local_prober({"one": code}, journal, engine=engine) as prober:
        seen = prober.observe(local_cell("one"))
    assert (seen.outcome, seen.evidence) == (Outcome.PASS, "")
    assert modes_of(journal) == [
        [("session", Outcome.IMPORT_FAILED), ("unpacked", Outcome.PASS), ("fresh", Outcome.PASS)]
    ]


def test_observation_has_a_prediction(journal: Journal, engine: LocalEngine) -> None:
    """The prediction is recorded and does not change the outcome."""
    with local_prober({"good": "", "bad": BROKEN}, journal, engine=engine) as prober:
        good, bad = (prober.observe(local_cell(name)) for name in ("good", "bad"))
    assert good.prediction is not None
    assert good.prediction.outcome is Outcome.PASS
    assert bad.prediction is not None
    assert (bad.outcome, bad.prediction.outcome, bad.cause) == (
        Outcome.IMPORT_FAILED,
        Outcome.PASS,
        "",
    )


def test_refused_subject_is_not_probed(journal: Journal, engine: LocalEngine) -> None:
    """If no wheel fits the target, the reason is the evidence and nothing is probed."""
    answers: dict[str, Answer] = {"one": Refusal(reason="all 9 wheels are for musl")}
    with local_prober(answers, journal, engine=engine) as prober:
        seen = prober.observe(local_cell("one"))
    assert (seen.outcome, seen.stage, seen.cause) == (Outcome.REFUSED, Stage.WHEEL, "tag-refused")
    assert (seen.evidence, seen.wheel, seen.attempts) == ("all 9 wheels are for musl", None, ())
    assert seen.provenance.image == IMAGE


def test_companions_are_installed(journal: Journal, engine: LocalEngine) -> None:
    """A companion is installed with the subject; a refused companion refuses the subject."""
    answers: dict[str, Answer] = {
        "one": "import beside",
        "beside": "",
        "absent": Refusal(reason="absent has no wheel here"),
    }
    with local_prober(answers, journal, engine=engine) as prober:
        passed = prober.observe(local_cell("one", companions=("beside",)))
        refused = prober.observe(local_cell("one", companions=("beside", "absent")))
    assert (passed.outcome, refused.outcome) == (Outcome.PASS, Outcome.REFUSED)
    assert passed.wheel is not None
    assert passed.wheel.filename == "one-1.0-py3-none-any.whl"
    assert refused.evidence == "absent has no wheel here"


def test_failing_dependency_is_named(journal: Journal, engine: LocalEngine) -> None:
    """The evidence has the name of the dependency whose import fails, and of no other."""
    answers: dict[str, Answer] = {
        "one": "import good, bad",
        "two": "import good\nraise ImportError('broken on purpose')",
        "good": "",
        "bad": BROKEN,
        "none": Refusal(reason="no wheel of it", cause=Cause.DEPENDENCY_REFUSED),
    }

    def cell(name: str) -> Cell:
        plain = local_cell(name, companions=("good", "bad"))
        subject = replace(plain.subject, dependencies=DependencyOptions())
        return replace(plain, subject=subject)

    with local_prober(answers, journal, engine=engine) as prober:
        one, two, none = (prober.observe(cell(name)) for name in ("one", "two", "none"))
    assert one.outcome is two.outcome is Outcome.IMPORT_FAILED
    assert one.evidence == "dependency bad 1.0: ImportError: broken on purpose"
    assert two.evidence == "ImportError: broken on purpose"
    assert one.companions == ("good-1.0-py3-none-any.whl", "bad-1.0-py3-none-any.whl")
    assert (none.outcome, none.cause) == (Outcome.REFUSED, Cause.DEPENDENCY_REFUSED)


def test_provenance(journal: Journal, engine: LocalEngine) -> None:
    """An observation records its dependencies; equal passports have equal ids."""
    with local_prober({"one": "", "two": BROKEN}, journal, engine=engine) as prober:
        passport = prober.passport(THIS_MACHINE)
        one, two = prober.observe(local_cell("one")), prober.observe(local_cell("two"))
    found = one.provenance
    assert found == two.provenance
    assert len(found.passport_id) == 32
    assert (found.page_size, found.kernel) == (passport.page_size, passport.kernel)
    assert (found.image, found.engine, found.harness) == (IMAGE, "local", __version__)
    assert found.qemu == f"emulator of {HERE.name}"


def test_seconds_and_time(journal: Journal, engine: LocalEngine) -> None:
    """``probe`` is the time of all attempts, ``total`` has the rest, too; times are in UTC."""
    with local_prober({"one": BROKEN}, journal, engine=engine) as prober:
        seen = prober.observe(local_cell("one"))
    assert seen.seconds["probe"] == pytest.approx(sum(a.seconds for a in seen.attempts), abs=0.01)
    assert 0 < seen.seconds["probe"] < seen.seconds["total"]
    assert seen.measured_at.endswith("+00:00")


def test_journal_of_a_cell(journal: Journal, engine: LocalEngine) -> None:
    """Every phase is announced and timed; the observation is journaled as it is returned."""
    with local_prober({"one": ""}, journal, engine=engine) as prober:
        seen = prober.observe(local_cell("one"))
    events, _ = read_events(journal.path)
    assert list(observations(events)) == [seen]
    assert {event["worker"] for event in events} == {"gw0"}
    activities = [(e["target"], e["doing"]) for e in events if e["event"] == "activity"]
    assert activities == [
        (THIS_MACHINE.key, doing)
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
    """A prober closes a target before it opens the next."""
    images = LocalImages(each=True)
    with local_prober({"one": ""}, journal, engine=engine, images=images) as prober:
        prober.observe(local_cell("one"))
        prober.observe(local_cell("one", target="there"))
        ended = [channel.process.poll() is not None for channel in engine.opened]
    assert ended == [True, False]


def test_targets_with_one_image_share_results(journal: Journal, engine: LocalEngine) -> None:
    """A second target with the same image starts no container; its cells name the first."""
    with local_prober({"one": "", "two": BROKEN}, journal, engine=engine) as prober:
        first = [prober.observe(local_cell(name)) for name in ("one", "two")]
        opened = len(engine.opened)
        second = [prober.observe(local_cell(name, target="there")) for name in ("one", "two")]
        assert len(engine.opened) == opened
    assert [(s.outcome, s.evidence) for s in second] == [(s.outcome, s.evidence) for s in first]
    assert [s.measured_on for s in (*first, *second)] == ["", "", *(s.cell for s in first)]
    assert not any(s.cached for s in second)


def test_repeated_cell_is_measured_again(journal: Journal, engine: LocalEngine) -> None:
    """A prober does not reuse its own result on the same target, so flaky cells are found."""
    with local_prober({"one": ""}, journal, engine=engine) as prober:
        seen = [prober.observe(local_cell("one")) for _ in range(2)]
    assert [len(s.attempts) for s in seen] == [1, 1]
    assert [s.measured_on for s in seen] == ["", ""]


def test_repro_command_needs_a_wheel(journal: Journal, engine: LocalEngine) -> None:
    """The line names the cell's wheels; a refused subject is a usage error."""
    answers: dict[str, Answer] = {"one": "", "two": Refusal(reason="all 9 wheels are for musl")}
    with local_prober(answers, journal, engine=engine) as prober:
        line = prober.repro_command(local_cell("one"))
        with pytest.raises(UsageError, match=r"/two: there is nothing to run: all 9 wheels are"):
            prober.repro_command(local_cell("two"))
    assert "one-1.0-py3-none-any.whl" in line
