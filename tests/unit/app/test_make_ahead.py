"""Which images are made ahead, in what order, and what a failure does."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.app import make_ahead
from harness.app.make_ahead import is_compiled, make_images, missing_images, without_compiled
from harness.app.wiring import ProberOptions
from harness.core.cells import Matrix
from harness.core.errors import EngineError, ImageError
from harness.core.targets import RegistryWay, Target
from harness.probe.journal import Journal, read_events
from tests.support.cells import make_cell
from tests.support.targets import alpine_replica, debian_12

QUICK = debian_12()
OTHER = replace(QUICK, id="other")
SLOW = alpine_replica()
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
