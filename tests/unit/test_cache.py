"""The cache: what is made once, what is made again, and what a user reads when it cannot be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.arches import find_arch
from harness.cache import Cache, CacheError
from harness.images.debian import write_recipe
from harness.images.registry import Silence
from harness.images.resolutions import Resolutions


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    """A second request gets what is there, and a damaged entry is made again."""
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_bytes(b"whole")

    cache = Cache(tmp_path)
    entry = cache.get("kind", "name", make)
    assert cache.get("kind", "name", make) == entry
    assert len(made) == 1
    entry.write_bytes(b"who")
    assert cache.get("kind", "name", make).read_bytes() == b"whole"
    assert len(made) == 2


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    """What the maker raises passes through, and no half of an entry stays."""

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise LookupError

    with pytest.raises(LookupError):
        Cache(tmp_path).get("kind", "name", fail)
    assert list((tmp_path / "kind").iterdir()) == []


def hold_lock(root: Path) -> None:
    with Cache(root).lock("name"):
        pass


def keep_resolution(root: Path) -> None:
    Resolutions(root / "resolutions").keep(write_recipe("sid", find_arch("s390x"), ("dash",)), ())


@pytest.mark.parametrize(
    "store",
    [
        lambda root: Cache(root).get("kind", "name", Path.touch),
        hold_lock,
        keep_resolution,
        lambda root: Silence(Cache(root), "host").begin("no answer"),
    ],
)
def test_a_cache_that_cannot_be_written(tmp_path: Path, store: Callable[[Path], object]) -> None:
    """Whoever stores something below a root that is no directory hears where, and what to do."""
    root = tmp_path / "file"
    root.touch()
    with pytest.raises(CacheError) as caught:
        store(root)
    assert str(caught.value).startswith(f"{root}/")
    assert str(caught.value).endswith(
        "free some space there, or set WHEELGRID_CACHE to another directory"
    )
