"""Images on the engine that serves their arch, and on the next one when that fails."""

from dataclasses import replace

import pytest

from harness.core.arches import Arch
from harness.core.engine_places import parse_place
from harness.core.errors import EngineError, ImageError
from harness.core.observations import ImageRef
from harness.core.targets import ImageWay, Target
from harness.host.engine import Engine
from harness.host.engine.api import MachineRun
from harness.host.engine.engine_pool import EnginePool
from harness.images.image_provider import ImageProvider
from harness.images.pooled_images import PooledImages
from tests.support.local_engine import LocalEngine
from tests.support.targets import make_target

TARGET = make_target("debian-12/aarch64")


class Images(ImageProvider):
    """Images of an engine that is full, or lacks them, by its name."""

    def __init__(self, engine: Engine) -> None:
        self._name = engine.info().host

    def get(self, _: Target) -> ImageRef:
        if self._name in ("full", "here"):
            raise EngineError(f"the disk of {self._name} is full")
        if self._name == "lacking":
            raise ImageError("no such image")
        return ImageRef(id=self._name, way=ImageWay.ASSEMBLED, origin="")


def images(*names: str, warned: list[str]) -> PooledImages:
    """Return images on native engines of these names, then on this machine's."""

    def open_engine(address: str) -> Engine:
        engine = LocalEngine()
        engine.details = replace(engine.details, arch="aarch64", host=address or "here")
        return engine

    def examine(_: Engine, arch: Arch) -> MachineRun:
        return MachineRun(machine=arch.machines[0])

    places = tuple(parse_place(f"aarch64={name}") for name in names)
    return PooledImages(EnginePool(places, open_engine, examine, warn=warned.append), Images)


def test_the_next_engine_takes_the_images_of_one_that_fails() -> None:
    warned: list[str] = []
    assert images("full", "sound", warned=warned).get(TARGET).id == "sound"
    assert warned == ["engine full: the disk of full is full"]


def test_a_missing_image_is_no_fault_of_the_engine() -> None:
    warned: list[str] = []
    with pytest.raises(ImageError, match="no such image"):
        images("lacking", "sound", warned=warned).get(TARGET)
    assert warned == []


def test_the_error_of_the_last_engine_is_raised() -> None:
    with pytest.raises(EngineError, match="the disk of here is full"):
        images("full", warned=[]).get(TARGET)
