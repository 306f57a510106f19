"""Decisions of the remedy workflow, on recorded passports of three Alpine 3.14 targets."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from packaging.tags import parse_tag

from harness.app import remedy
from harness.app.prober_options import ProberOptions
from harness.app.pytest_driver import RunOptions
from harness.app.remedy import (
    Examination,
    RemedySubject,
    effects_of,
    examine,
    passports_of,
    read_remedy_subject,
    targets_of,
    try_out,
    wheels_of,
    write_remedy,
)
from harness.app.requested import ImportCheck
from harness.app.wiring import open_passports
from harness.core.cells import Cell, Matrix, Outcome, Stage
from harness.core.errors import UsageError
from harness.core.observations import Observation
from harness.core.passport import Passport
from harness.core.subjects import FileSource, IndexSource, Subject
from harness.core.targets import Target
from harness.host.cache import Cache
from harness.matrix.plan import Selection
from harness.report.console import Console
from harness.results.grid import Grid, build_grid
from harness.wheels.archive.contents import read_wheel
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import IndexLock, LockedWheel
from tests.support.commands import ROOT
from tests.support.elves import module
from tests.support.targets import make_target
from tests.support.wheels import verify_record, write_demo

DOCKER = "python-3.9-alpine3.14/x86_64"
AS_RELEASED = "alpine-3.14-ga-pip-upgraded/x86_64"
WITH_FALLBACK = "alpine-3.14-pip-upgraded/x86_64"
BOTH, RENAME = "both-x86_64-linux-musl", "rename-x86_64-linux-musl"
TAG = "cp39-cp39-musllinux_1_1_x86_64"
RECORDED = open_passports(ROOT / "matrix")
DEMO = Subject(
    id="demo",
    group="index",
    source=IndexSource(name="demo", version="1.0"),
    imports=("demo.api",),
    call="demo.api.works()",
    companions=(IndexSource(name="helper", version="2.0"),),
)


def target(key: str, python: str = "3.9") -> Target:
    return make_target(key, python=python, libc="musl")


def matrix(*subjects: Subject) -> Matrix:
    return Matrix(targets=(), subjects=subjects, builders=(), expectations=(), profiles=())


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Return a musllinux wheel whose one extension module has a name for -gnu."""
    core = ("demo/_core.cpython-39-x86_64-linux-gnu.so", module("_core"))
    return write_demo(tmp_path, ("demo/__init__.py", b""), core)


@pytest.fixture
def index(tmp_path: Path) -> PackageIndex:
    """Return an index that has pinned one wheel, for a Python that no target has."""
    locked = LockedWheel(filename="demo-1.0-cp38-cp38-musllinux_1_1_x86_64.whl", sha256="0" * 64)
    lock = IndexLock(generated=date(2026, 11, 2), releases={"demo==1.0": (locked,)})
    return PackageIndex(Cache(tmp_path / "cache"), lock, announce=print)


@pytest.fixture
def examination(wheel: Path, index: PackageIndex) -> Examination:
    """Return what is predicted of every remedy on the three targets."""
    passports = {key: recorded(key) for key in (DOCKER, AS_RELEASED, WITH_FALLBACK)}
    subject = read_remedy_subject(str(wheel), ImportCheck(), matrix(), index)
    return examine(subject, passports, RECORDED.symbols, index)


def recorded(key: str) -> Passport:
    passport = RECORDED.recorded(key)
    assert passport
    return passport


def test_subject_without_proof_is_guessed(wheel: Path, index: PackageIndex) -> None:
    """What a file that the matrix does not know imports is inferred."""
    found = read_remedy_subject(str(wheel), ImportCheck(), matrix(), index)
    assert (found.subject.imports, found.guessed) == ((), True)
    assert found.subject.source == FileSource(paths=(str(wheel),))
    assert found.tags == parse_tag(TAG)


def test_subject_of_the_matrix_keeps_its_proof(wheel: Path, index: PackageIndex) -> None:
    """The matrix's imports, call and companions hold, unless the user gives imports."""
    known = read_remedy_subject(str(wheel), ImportCheck(), matrix(DEMO), index)
    assert replace(known.subject, id=DEMO.id, group=DEMO.group, source=DEMO.source) == DEMO
    assert not known.guessed
    called = read_remedy_subject(str(wheel), ImportCheck(call="demo.f()"), matrix(DEMO), index)
    assert (called.subject.imports, called.subject.call) == (("demo.api",), "demo.f()")
    own = read_remedy_subject(str(wheel), ImportCheck(imports=("demo.x",)), matrix(DEMO), index)
    assert (own.subject.imports, own.subject.companions) == (("demo.x",), ())


def test_targets_of_another_arch_are_left_out(wheel: Path, index: PackageIndex) -> None:
    """A target of the wheel's arch stays whatever its Python; without one it is a usage error."""
    subject = read_remedy_subject(str(wheel), ImportCheck(), matrix(), index)
    here, other = target("a/x86_64", "3.12"), target("a/s390x")
    assert targets_of(subject, [here, other]) == (here,)
    with pytest.raises(UsageError, match=r"demo-1\.0: no selected target is of its arch"):
        targets_of(subject, [other])


def test_only_unrecorded_targets_that_fit_are_measured(wheel: Path, index: PackageIndex) -> None:
    """A recorded passport is taken; an unrecorded target of another Python is left out."""
    subject = read_remedy_subject(str(wheel), ImportCheck(), matrix(), index)
    targets = [target(DOCKER), target("new/x86_64"), target("newer/x86_64", "3.12")]
    measured = replace(recorded(DOCKER), kernel="measured")
    passports = passports_of(targets, subject, RECORDED, lambda _: measured)
    assert passports == {DOCKER: recorded(DOCKER), "new/x86_64": measured}


def test_examination_predicts_each_variant(examination: Examination) -> None:
    """The official image reads only -gnu, Alpine as released only -musl, the update both."""
    outcomes = {cell: p.outcome is Outcome.PASS for cell, p in examination.predictions.items()}
    keys = (DOCKER, AS_RELEASED, WITH_FALLBACK)
    assert [outcomes[key, "unchanged"] for key in keys] == [True, False, True]
    assert [outcomes[key, RENAME] for key in keys] == [False, True, True]
    assert [outcomes[key, BOTH] for key in keys] == [True, True, True]
    assert set(examination.deciding) == {DOCKER, AS_RELEASED}
    assert examination.remedy_subject.subject.imports == ("demo", "demo._core")


def test_examination_of_named_remedies(examination: Examination, index: PackageIndex) -> None:
    """``tries`` leaves only those remedies; an unknown one is a usage error."""
    known = (examination.remedy_subject, examination.passports, RECORDED.symbols, index)
    chosen = examine(*known, tries=["both"])
    assert [variant.name for variant in chosen.proposal.variants] == ["unchanged", BOTH]
    assert chosen.deciding == (AS_RELEASED,)
    with pytest.raises(UsageError, match="did you mean 'bare'"):
        examine(*known, tries=["bear"])


def test_effects_of_predictions(examination: Examination) -> None:
    """Without a run the effects are predicted, those that break nothing first."""
    effects = {effect.remedy.name: effect for effect in effects_of(examination, None)}
    assert (effects[BOTH].fixed, effects[BOTH].broken, effects[BOTH].run) == ((AS_RELEASED,), (), 0)
    assert (effects[RENAME].fixed, effects[RENAME].broken) == ((AS_RELEASED,), (DOCKER,))
    assert list(effects)[-1] == RENAME


def run_of(seen: dict[tuple[str, str], Outcome]) -> Grid:
    cells = {pair: Cell(target=target(pair[0]), subject=replace(DEMO, id=pair[1])) for pair in seen}
    return build_grid(
        list(cells.values()),
        [
            Observation(cell=cells[pair].id, outcome=outcome, stage=Stage.IMPORT)
            for pair, outcome in seen.items()
        ],
    )


def test_effects_of_a_run(examination: Examination) -> None:
    """An observation overrides its prediction; a miss leaves it and does not count as run."""
    seen = {
        (AS_RELEASED, "unchanged"): Outcome.IMPORT_FAILED,
        (AS_RELEASED, BOTH): Outcome.CRASHED,
        (AS_RELEASED, "bare"): Outcome.MISS,
        (AS_RELEASED, RENAME): Outcome.PASS,
    }
    effects = {e.remedy.name: e for e in effects_of(examination, run_of(seen))}
    assert (effects[BOTH].fixed, effects[BOTH].run) == ((), 0)
    assert (effects["bare"].fixed, effects["bare"].run) == ((AS_RELEASED,), 0)
    assert (effects[RENAME].fixed, effects[RENAME].run) == ((AS_RELEASED,), 1)


def test_only_deciding_targets_are_run(
    examination: Examination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every variant is a subject with its own files; a target where all fare alike is left out."""
    asked: list[tuple[tuple[Subject, ...], Selection]] = []

    def run(subjects: tuple[Subject, ...], selection: Selection, *_: object) -> Grid:
        asked.append((subjects, selection))
        return Grid(cells=())

    monkeypatch.setattr(remedy, "run_subjects", run)
    options = RunOptions(prober=ProberOptions(), out=tmp_path / "out", workers=1)
    assert try_out(examination, options, Console()) == Grid(cells=())
    ((subjects, selection),) = asked
    assert selection.targets == tuple(sorted(k.split("/")[0] for k in (DOCKER, AS_RELEASED)))
    assert selection.arches == ("x86_64",)
    assert [s.id for s in subjects] == [v.name for v in examination.proposal.variants]
    names = {
        s.id: modules_of(Path(s.source.paths[0]))
        for s in subjects
        if isinstance(s.source, FileSource)
    }
    assert names["unchanged"] == {"gnu"}
    assert names[BOTH] == {"gnu", "musl"}
    alike = replace(examination, predictions={})
    assert try_out(alike, options, Console()) is None
    assert len(asked) == 1


def modules_of(path: Path) -> set[str]:
    verify_record(path)
    return {m.name.rpartition("-")[2].removesuffix(".so") for m in read_wheel(path).native}


def test_written_remedy(examination: Examination, tmp_path: Path) -> None:
    """A remedy is written as a valid wheel; ``unchanged`` and unknown names are usage errors."""
    (path,) = write_remedy(examination, BOTH, tmp_path / "fixed")
    assert modules_of(path) == {"gnu", "musl"}
    for name in ("unchanged", "both"):
        with pytest.raises(UsageError, match=f"--write {name}: not a remedy of these wheels"):
            write_remedy(examination, name, tmp_path / "fixed")


def test_release_that_no_installer_takes(index: PackageIndex) -> None:
    """Where no target's installer accepts a wheel of the release, there is nothing to examine."""
    subject = RemedySubject(subject=DEMO, tags=parse_tag(TAG))
    with pytest.raises(UsageError, match="no installer of these targets accepts a wheel of it"):
        wheels_of(subject, {DOCKER: recorded(DOCKER)}, index)
