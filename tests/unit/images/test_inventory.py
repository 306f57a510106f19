"""Listing and removing images and cache entries."""

import os
from pathlib import Path

import pytest

from harness.core.errors import ImageError
from harness.host.cache import Cache
from harness.host.engine import EngineImage
from harness.images.inventory import StoragePlace, list_inventory, remove_items
from harness.images.source import ImageStorage
from tests.support.image_engine import ImageEngine

USED, OLD, FOREIGN = "wheelgrid/a:used", "wheelgrid/a:old", "debian:12"
USES = {
    "one/x86_64": (
        ImageStorage(image="", entries=frozenset({"roots/r1.tar"})),
        ImageStorage(image=USED),
    ),
    "two/x86_64": (ImageStorage(image=USED, entries=frozenset({"builds/cpython-3.9-*"})),),
}


class EngineWithImages(ImageEngine):
    """Has a used, an unused and a foreign image."""

    def __init__(self) -> None:
        super().__init__()
        for name in (USED, OLD, FOREIGN):
            self.images[name] = EngineImage(
                id=name, platform="linux/amd64", names=(name,), size=5, named_at=7.0
            )


class Busy(EngineWithImages):
    """Runs containers of every image."""

    def remove_image(self, name: str) -> None:
        raise ImageError(f"{name}: in use")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Return a cache with a used and an unused file of two kinds, and one of another kind."""
    cache = Cache(tmp_path)
    for entry in ("roots/r1.tar", "roots/r2.tar", "builds/cpython-3.9-1", "builds/cpython-3.8-1"):
        kind, name = entry.split("/")
        cache.get(kind, name, lambda path: void(path.write_text("0123456789")))
    cache.get("wheels", "w.whl", lambda path: void(path.write_text("w")))
    return cache


def void(_: object) -> None:
    """Drop a value."""


def test_items_list_their_targets(cache: Cache) -> None:
    """Any way of a target counts; foreign images are left out."""
    found = {
        item.name: item.targets for item in list_inventory({"": EngineWithImages()}, cache, USES)
    }
    assert found == {
        OLD: (),
        USED: ("one/x86_64", "two/x86_64"),
        "roots/r1.tar": ("one/x86_64",),
        "roots/r2.tar": (),
        "builds/cpython-3.8-1": (),
        "builds/cpython-3.9-1": ("two/x86_64",),
    }


def test_items_have_size_and_time(cache: Cache) -> None:
    """Those of an image come from the engine, those of a file from the file system."""
    image, *_, file = list_inventory({"": EngineWithImages()}, cache, USES)
    assert (image.place, image.size, image.made_at) == (StoragePlace.ENGINE, 5, 7.0)
    assert (file.place, file.size) == (StoragePlace.CACHE, 10)
    assert file.made_at == (cache.root / file.name).stat().st_mtime


def test_newest_build_of_a_name_is_in_use(tmp_path: Path) -> None:
    """The size of a directory includes all files below it."""
    cache, keys = Cache(tmp_path), [digit * 32 for digit in "ab"]
    for age, key in enumerate(keys):
        build = cache.get("builds", f"cpython-3.9-{key}.tar", lambda path: path.touch())
        os.utime(build, (age, age))
    tree = cache.tree("libraries", "x86_64", lambda path: void((path / "z").write_text("123")))
    (tree / "loop").symlink_to(tree)
    uses = {"one/x86_64": [ImageStorage(image="", entries=frozenset({"builds/*", "libraries/*"}))]}
    *_, old, new, libraries = list_inventory({"": EngineWithImages()}, cache, uses)
    assert (old.name, old.targets) == (f"builds/cpython-3.9-{keys[0]}.tar", ())
    assert new.targets == libraries.targets == ("one/x86_64",)
    assert libraries.size == 3
    remove_items([libraries], {"": EngineWithImages()}, cache, announce=print)
    assert list((tmp_path / "libraries").iterdir()) == []


def test_removed_items_are_gone(cache: Cache) -> None:
    """Digest files are removed too; removing twice is no error."""
    engine = EngineWithImages()
    unused = [item for item in list_inventory({"": engine}, cache, USES) if not item.targets]
    for _ in range(2):
        gone = remove_items(unused[1:], {"": engine}, cache, announce=print)
        assert [item.name for item in gone] == ["roots/r2.tar", "builds/cpython-3.8-1"]
    remove_items(unused[:1], {"": engine}, cache, announce=print)
    assert set(engine.images) == {USED, FOREIGN}
    assert [path.name for path in cache.entries("roots")] == ["r1.tar"]
    assert sorted(path.name for path in (cache.root / "builds").iterdir()) == [
        "cpython-3.9-1",
        "cpython-3.9-1.sha256",
    ]


def test_image_in_use_is_kept_and_announced(cache: Cache) -> None:
    """The other items are removed."""
    said: list[str] = []
    engine = Busy()
    unused = [item for item in list_inventory({"": engine}, cache, USES) if not item.targets]
    gone = remove_items(unused, {"": engine}, cache, announce=said.append)
    assert [item.name for item in gone] == ["roots/r2.tar", "builds/cpython-3.8-1"]
    assert said == [f"kept: {OLD}: in use"]


def test_images_are_removed_from_their_engine(tmp_path: Path) -> None:
    """Each item names its engine, if it is not this machine's."""
    engines = {"tcp://arm": EngineWithImages(), "": EngineWithImages()}
    items = list_inventory(engines, Cache(tmp_path), USES)
    assert [item.title for item in items] == [
        f"{OLD} on tcp://arm",
        f"{USED} on tcp://arm",
        OLD,
        USED,
    ]
    remove_items(items[:1], engines, Cache(tmp_path), announce=print)
    assert set(engines["tcp://arm"].images) == {USED, FOREIGN}
    assert set(engines[""].images) == {OLD, USED, FOREIGN}
