"""The assembled way without an archive: what is remembered serves, and said to be old."""

from pathlib import Path

import pytest

from harness.arches import find_arch
from harness.cache import Cache
from harness.engine import EngineImage
from harness.errors import ImageError
from harness.images.assembled import AssembledSource
from harness.images.debian_root import Package, native_arch, write_recipe
from harness.images.resolutions import Resolutions
from tests.support.image_engine import ImageEngine
from tests.support.targets import debian_12

FOREIGN = find_arch("s390x")
BUILD = ("python3", "python3-pip")


class Remembering(ImageEngine):
    """Has every assembled image under any name, and notes the names."""

    def __init__(self, platform: str = FOREIGN.platform) -> None:
        super().__init__()
        self.names: list[str] = []
        self._platform = platform

    def find_image(self, reference: str) -> EngineImage | None:
        self.names.append(reference)
        return EngineImage(id="sha256:own", platform=self._platform)


@pytest.fixture(autouse=True)
def _no_archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing can be assembled or asked: there is no mmdebstrap."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))


def remember(cache: Cache, *, foreign: str = "1", native: str = "1") -> None:
    for arch, version in ((native_arch(), native), (FOREIGN, foreign)):
        packages = (Package(name="python3", version=version),)
        recipe = write_recipe("bookworm", arch, BUILD)
        Resolutions(cache.root / "resolutions").keep(recipe, packages)


def name_of_image(cache: Cache) -> str:
    engine = Remembering()
    AssembledSource(engine, cache, announce=print).get(debian_12(FOREIGN.name))
    (name,) = engine.names
    return name


def test_the_name_holds_what_the_image_is_made_of(tmp_path: Path) -> None:
    """A new version of a package, here or in the native root that compiles for it: a new image."""
    cache = Cache(tmp_path)
    remember(cache)
    first = name_of_image(cache)
    assert first == name_of_image(cache)
    remember(cache, foreign="2")
    second = name_of_image(cache)
    remember(cache, foreign="2", native="2")
    assert len({first, second, name_of_image(cache)}) == 3
    assert first.startswith("wheelgrid/bookworm-s390x:")


def test_an_old_answer_serves_when_the_archive_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that is gone does not take away what the engine has, but it is announced."""
    cache = Cache(tmp_path)
    remember(cache)
    fresh = name_of_image(cache)
    monkeypatch.setenv("WHEELGRID_RESOLUTION_HOURS", "0")
    said: list[str] = []
    engine = Remembering()
    AssembledSource(engine, cache, announce=said.append).get(debian_12(FOREIGN.name))
    assert engine.names == [fresh]
    assert said[0].startswith("bookworm/s390x: using the packages as of 20")


def test_without_an_answer_there_is_no_image(tmp_path: Path) -> None:
    """Nothing remembered and nothing to ask: a miss with its cause."""
    with pytest.raises(ImageError, match="cannot be assembled") as caught:
        name_of_image(Cache(tmp_path))
    assert caught.value.cause == "infra:assemble"


def test_an_image_of_another_platform_is_not_used(tmp_path: Path) -> None:
    """Even under our own name the config decides."""
    cache = Cache(tmp_path)
    remember(cache)
    engine = Remembering(platform="linux/amd64")
    with pytest.raises(ImageError) as caught:
        AssembledSource(engine, cache, announce=print).get(debian_12(FOREIGN.name))
    assert caught.value.cause == "infra:wrong-arch"


def test_only_targets_with_that_way_are_offered(tmp_path: Path) -> None:
    """The store asks first."""
    source = AssembledSource(ImageEngine(), Cache(tmp_path), announce=print)
    targets = (debian_12(), debian_12(assembled=False))
    assert [source.offers(target) for target in targets] == [True, False]
