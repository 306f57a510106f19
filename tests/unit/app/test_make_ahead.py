"""Which images are made ahead, in what order, and what a failure does."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.app import make_ahead
from harness.app.make_ahead import (
    is_compiled,
    make_images,
    make_wheels,
    missing_images,
    without_compiled,
)
from harness.app.prober_options import ProberOptions
from harness.core.cells import Cell, Matrix
from harness.core.errors import BuildError, EngineError, ImageError
from harness.core.passport import Passport
from harness.core.subjects import Subject
from harness.core.targets import RegistryWay, Target
from harness.probe.journal import Journal, read_events
from tests.support.cells import make_cell, make_subject
from tests.support.passports import make_passport
from tests.support.targets import alpine_replica, debian_12

QUICK = debian_12()
OTHER = replace(QUICK, id="other")
SLOW = alpine_replica()
PASSPORT = make_passport()
MATRIX = Matrix(
    targets=(SLOW, QUICK, OTHER), subjects=(), builders=(), expectations=(), profiles=()
)
LOCAL = ProberOptions(images="local")


class Engine:
    def close(self) -> None:
        pass


class Images:
    """Images of which one cannot be made."""

    def __init__(self, made: list[str]) -> None:
        self._made = made

    def get(self, target: Target) -> None:
        if target == QUICK:
            raise ImageError("the mirror is torn")
        self._made.append(target.key)


@pytest.mark.parametrize(
    ("target", "images", "compiled"),
    [
        (SLOW, "local", True),
        (replace(SLOW, registry=RegistryWay(image="alpine:3.14")), "auto", True),
        (replace(SLOW, registry=RegistryWay(image="alpine:3.14")), "registry", False),
        (replace(SLOW, assembled=QUICK.assembled), "auto", False),
        (QUICK, "local", False),
        (replace(SLOW, replica=None), "local", False),
    ],
)
def test_only_a_replica_is_compiled(target: Target, images: str, *, compiled: bool) -> None:
    assert is_compiled(target, images) is compiled


def test_cells_of_compiled_images_are_left_out() -> None:
    """By images that are not compiled, every cell stays."""
    cells = [replace(make_cell(), target=each) for each in (SLOW, QUICK)]
    assert without_compiled(cells, "local") == ((cells[1],), (SLOW.key,))
    assert without_compiled(cells[1:], "local") == ((cells[1],), ())


def test_quick_images_come_first_and_each_image_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets with an image are left out, and so is the second target of one image."""
    monkeypatch.setattr(make_ahead, "connect", Engine)
    monkeypatch.setattr(make_ahead, "open_readiness", lambda *_: "nothing".__eq__)
    monkeypatch.setattr(make_ahead, "same_images", lambda *_: {OTHER.key: QUICK.key})
    assert missing_images(MATRIX.targets, MATRIX, LOCAL) == (QUICK, SLOW)
    monkeypatch.setattr(make_ahead, "open_readiness", lambda *_: QUICK.key.__eq__)
    assert missing_images(MATRIX.targets, MATRIX, LOCAL) == (SLOW,)


def test_without_an_engine_nothing_is_made_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Engine:
        raise EngineError("no engine")

    monkeypatch.setattr(make_ahead, "connect", refuse)
    assert missing_images(MATRIX.targets, MATRIX, LOCAL) == ()


def test_a_failure_is_left_to_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next image is made, and what is made is announced."""
    made: list[str] = []
    monkeypatch.setattr(make_ahead, "open_images", lambda *_: Images(made))
    monkeypatch.setattr(make_ahead, "open_pinned", lambda *_: None)
    journal = Journal(tmp_path / "journal.jsonl", "ahead-1")
    make_images([QUICK.key, OTHER.key], MATRIX, LOCAL, journal)
    assert made == [OTHER.key]
    events, _ = read_events(journal.path)
    assert [(e["target"], bool(e["doing"])) for e in events] == [
        (QUICK.key, True), (QUICK.key, False), (OTHER.key, True), (OTHER.key, False),
    ]  # fmt: skip


class Wheels:
    """Wheels of which one does not build."""

    def __init__(self, made: list[str]) -> None:
        self._made = made

    def wheels_for(self, subject: Subject, target: Target, passport: Passport) -> None:
        if subject.id == "broken":
            raise BuildError("no compiler")
        self._made.append(f"{target.key} {subject.id} {passport.minor}")


class Passports:
    """Only one target has a recorded passport."""

    def recorded(self, key: str) -> Passport | None:
        return PASSPORT if key == QUICK.key else None


def test_wheels_are_made_where_a_passport_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are left to the worker, which reads the passport; so is a wheel that fails."""
    made: list[str] = []
    monkeypatch.setattr(make_ahead, "open_provider", lambda *_: Wheels(made))
    monkeypatch.setattr(make_ahead, "open_passports", lambda *_: Passports())
    monkeypatch.setattr(make_ahead, "open_pinned", lambda *_: None)
    subjects = (make_subject("broken"), make_subject("plain"))
    cells = [Cell(target=at, subject=subject) for at in (QUICK, OTHER) for subject in subjects]
    make_wheels(cells, MATRIX, LOCAL, Journal(tmp_path / "journal.jsonl", "ahead-3"))
    assert made == [f"{QUICK.key} plain {PASSPORT.minor}"]
